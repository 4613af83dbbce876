//! A camera that is none: pictures of the demo, prepared before anything counts, at a steady rate.

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;

use crate::commands::Failure;
use crate::live::Opener;
use crate::source::camera::{CameraSource, Grab, PixelFormat, RawFrame};
use crate::source::demo::{DemoSource, HEIGHT_PX, WIDTH_PX};
use crate::source::{FrameSource, Pace, SourceError, SourceInfo, SourceSpec};

/// Different pictures; they are shown forth and back, so that the face never jumps.
const PICTURES: u64 = 48;
/// Frames of the demo between two of them at 30 a second: at 60 the face moves as fast as in the demo.
const DEMO_RATE_HZ: f64 = 30.0;
/// As webcams code them.
const JPEG_QUALITY: u8 = 85;

/// The prepared pictures.
pub(super) struct Pictures {
    format: PixelFormat,
    rate_hz: f64,
    coded: Vec<Vec<u8>>,
    /// Pictures that came and went before the capture thread asked for them.
    missed: Arc<AtomicU64>,
}

impl Pictures {
    /// Renders them: RGB, or JPEG as webcams send it.
    ///
    /// # Errors
    /// When they cannot be coded.
    pub fn prepare(rate_hz: f64, jpeg: bool) -> Result<Self, Failure> {
        let mut demo = DemoSource::new();
        let coded = (0..PICTURES).map(|i| {
            let rgb = demo.render((i as f64 * DEMO_RATE_HZ / rate_hz) as u64);
            if !jpeg {
                return Ok(rgb);
            }
            let mut coded = Cursor::new(Vec::new());
            JpegEncoder::new_with_quality(&mut coded, JPEG_QUALITY)
                .encode(
                    &rgb,
                    WIDTH_PX as u32,
                    HEIGHT_PX as u32,
                    image::ExtendedColorType::Rgb8,
                )
                .map_err(|e| Failure::broken(format!("the demo cannot be coded ({e})")))?;
            Ok(coded.into_inner())
        });
        Ok(Self {
            format: if jpeg {
                PixelFormat::Mjpeg
            } else {
                PixelFormat::Rgb
            },
            rate_hz,
            coded: coded.collect::<Result<_, Failure>>()?,
            missed: Arc::default(),
        })
    }

    /// Counts the pictures that nobody took in time.
    pub fn missed(&self) -> Arc<AtomicU64> {
        self.missed.clone()
    }

    /// Opens this camera, whatever source is asked for.
    pub fn opener(self) -> Opener {
        let pictures = Arc::new(self);
        Arc::new(move |_: &SourceSpec, clock| {
            let info = SourceInfo {
                title: "Synthetic camera".to_owned(),
                pace: Pace::Camera,
                width_px: WIDTH_PX,
                height_px: HEIGHT_PX,
                rate_hz: Some(pictures.rate_hz),
                frames: None,
                stills: false,
                format: Some(format!("{:?}", pictures.format).to_uppercase()),
            };
            let camera = Synthetic {
                pictures: pictures.clone(),
                started: Instant::now(),
                next: 0,
            };
            let source = CameraSource::with_backend(info, Box::new(camera), clock);
            Ok(Box::new(source) as Box<dyn FrameSource>)
        })
    }
}

struct Synthetic {
    pictures: Arc<Pictures>,
    started: Instant,
    /// Number of the next picture since the start.
    next: u64,
}

impl Grab for Synthetic {
    fn grab(&mut self) -> Result<RawFrame<'_>, SourceError> {
        let rate_hz = self.pictures.rate_hz;
        let present = (self.started.elapsed().as_secs_f64() * rate_hz) as u64;
        if present > self.next {
            // As a driver without a queue: what was not taken is gone.
            let missed = present - self.next;
            self.pictures.missed.fetch_add(missed, Ordering::Relaxed);
            self.next = present;
        }
        let due = self.started + Duration::from_secs_f64(self.next as f64 / rate_hz);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let place = self.next % (2 * PICTURES - 2);
        let picture = place.min(2 * PICTURES - 2 - place);
        self.next += 1;
        let pictures = &*self.pictures;
        Ok(RawFrame {
            data: Cow::Borrowed(&pictures.coded[picture as usize]),
            format: pictures.format,
            width_px: WIDTH_PX,
            height_px: HEIGHT_PX,
        })
    }
}
