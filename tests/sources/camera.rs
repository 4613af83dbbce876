use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use affectscope::clock::Clock;
use affectscope::source::camera::{self, CameraSource, Grab, PixelFormat, RawFrame};
use affectscope::source::{FrameSource, Next, Pace, SourceError, SourceInfo};

use super::is_a_sentence;

/// A camera that sends grey pictures and is unplugged after some.
struct Made {
    sent: usize,
    unplugged_after: usize,
    /// Every so many pictures one is cut short.
    broken_every: usize,
    dropped: Arc<AtomicUsize>,
}

impl Grab for Made {
    fn grab(&mut self) -> Result<RawFrame<'_>, SourceError> {
        if self.sent == self.unplugged_after {
            return Err(SourceError::CameraLost(
                "The camera \"Made\" was disconnected. Connect it again.".to_owned(),
            ));
        }
        self.sent += 1;
        let bytes = if self.sent.is_multiple_of(self.broken_every) {
            100
        } else {
            32 * 24 * 2
        };
        Ok(RawFrame {
            data: Cow::Owned([126, 128].into_iter().cycle().take(bytes).collect()),
            format: PixelFormat::Yuyv,
            width_px: 32,
            height_px: 24,
        })
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn made(
    unplugged_after: usize,
    broken_every: usize,
    clock: &Clock,
) -> (CameraSource, Arc<AtomicUsize>) {
    let dropped = Arc::new(AtomicUsize::new(0));
    let camera = Made {
        sent: 0,
        unplugged_after,
        broken_every,
        dropped: Arc::clone(&dropped),
    };
    let info = SourceInfo {
        title: "Made".to_owned(),
        pace: Pace::Camera,
        width_px: 32,
        height_px: 24,
        rate_hz: Some(30.0),
        frames: None,
        format: Some("YUYV".to_owned()),
        stills: false,
    };
    (
        CameraSource::with_backend(info, Box::new(camera), clock),
        dropped,
    )
}

#[test]
fn frames_are_stamped_by_the_clock_and_counted() {
    let clock = Clock::start();
    std::thread::sleep(std::time::Duration::from_millis(20));
    let opened_s = clock.now_s();
    let (mut source, _) = made(100, 3, &clock);
    let mut last_s = -1.0;
    for index in 0..9u64 {
        let next = source.next().unwrap();
        if index % 3 == 2 {
            let Next::Unreadable {
                stamp,
                reason,
                file,
            } = next
            else {
                panic!("frame {index} is cut short")
            };
            assert_eq!((stamp.index, file), (index, None));
            assert!(reason.contains("100 of"), "{reason}");
            continue;
        }
        let Next::Frame(frame) = next else {
            panic!("frame {index} is whole")
        };
        assert_eq!(frame.stamp.index, index);
        assert!(frame.stamp.time_s >= 0.0 && frame.stamp.time_s > last_s);
        last_s = frame.stamp.time_s;
        let captured_s = frame.captured_s.unwrap();
        assert!((captured_s - opened_s - frame.stamp.time_s).abs() < 0.02);
        assert!(captured_s <= clock.now_s());
        assert_eq!((frame.width_px(), frame.height_px()), (32, 24));
        assert!(frame.rgb().iter().all(|level| *level == 128));
    }
}

#[test]
fn an_unplugged_camera_says_so_and_can_come_back() {
    let clock = Clock::start();
    for _ in 0..2 {
        let (mut source, dropped) = made(2, 99, &clock);
        assert!(matches!(source.next(), Ok(Next::Frame(_))));
        assert!(matches!(source.next(), Ok(Next::Frame(_))));
        let error = source.next().unwrap_err();
        assert!(matches!(error, SourceError::CameraLost(_)));
        assert!(error.may_pass() && !error.is_bad_input());
        is_a_sentence(&error);
        drop(source);
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn a_camera_that_is_not_there_is_named() {
    let clock = Clock::start();
    let error = CameraSource::open(Some("no camera has this name"), &clock)
        .err()
        .unwrap();
    assert!(matches!(error, SourceError::NoCamera(_)), "{error}");
    is_a_sentence(&error);
    let cameras = camera::list().unwrap();
    assert!(cameras.windows(2).all(|pair| pair[0].index < pair[1].index));
    if cameras.is_empty() {
        let error = CameraSource::open(None, &clock).err().unwrap();
        assert!(
            error.to_string().starts_with("No camera was found"),
            "{error}"
        );
    }
}
