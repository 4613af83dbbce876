//! Which of a camera's formats to ask for.

use nokhwa::utils::{CameraFormat, FrameFormat};

use super::pixels::PixelFormat;

/// The best of what a camera offers for reading faces: 640x480 to 1280x720 at 25 to 30 frames a second, cheap to decode.
/// `None` when there is nothing usable.
pub fn choose_format(formats: &[CameraFormat]) -> Option<CameraFormat> {
    rank(formats).first().copied()
}

/// What is usable, best first, each once.
pub(super) fn rank(formats: &[CameraFormat]) -> Vec<CameraFormat> {
    let mut ranked: Vec<(f64, CameraFormat)> = Vec::new();
    for format in formats {
        let usable = format.width() >= 32
            && format.height() >= 32
            && format.width() <= 16_384
            && format.height() <= 16_384;
        if usable && ranked.iter().all(|(_, known)| known != format) {
            ranked.push((cost(format), *format));
        }
    }
    ranked.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    ranked.into_iter().map(|(_, format)| format).collect()
}

/// How far a format is from what is wanted: 0 is perfect, 1 is about the loss of half the pixels or of 6 frames a second.
fn cost(format: &CameraFormat) -> f64 {
    let pixels = f64::from(format.width()) * f64::from(format.height());
    let (small, large) = (640.0 * 480.0, 1280.0 * 720.0);
    // Small pictures lose far faces; large ones only cost time.
    let size = if pixels < small {
        1.5 * (small / pixels).log2()
    } else {
        0.3 * (pixels / small).log2() + 2.0 * (pixels / large).log2().max(0.0)
    };
    let rate = match f64::from(format.frame_rate()) {
        // Drivers say such things of rates that they do not know.
        rate if !(1.0..=240.0).contains(&rate) => 1.5,
        rate if rate < 24.0 => 0.5 + (24.0 - rate) / 6.0,
        rate => 0.01 * (rate - 30.0).abs(),
    };
    let decoding = match format.format() {
        FrameFormat::YUYV => 0.0,
        FrameFormat::NV12 => 0.05,
        FrameFormat::RAWRGB | FrameFormat::RAWBGR => 0.15,
        FrameFormat::MJPEG => 0.2,
        // The networks know faces with and without colour, a viewer wants it.
        FrameFormat::GRAY => 3.0,
    };
    size + rate + decoding
}

/// Our name for a format of nokhwa's.
pub(super) fn pixel_format(format: FrameFormat) -> PixelFormat {
    match format {
        FrameFormat::MJPEG => PixelFormat::Mjpeg,
        FrameFormat::YUYV => PixelFormat::Yuyv,
        FrameFormat::NV12 => PixelFormat::Nv12,
        FrameFormat::GRAY => PixelFormat::Grey,
        FrameFormat::RAWRGB => PixelFormat::Rgb,
        FrameFormat::RAWBGR => PixelFormat::Bgr,
    }
}

/// `640x480 30/s MJPEG`.
pub(super) fn describe(format: &CameraFormat) -> String {
    format!(
        "{}x{} {}/s {}",
        format.width(),
        format.height(),
        format.frame_rate(),
        short_name(format.format())
    )
}

/// `MJPEG`.
pub(super) fn short_name(format: FrameFormat) -> &'static str {
    match format {
        FrameFormat::MJPEG => "MJPEG",
        FrameFormat::YUYV => "YUYV",
        FrameFormat::NV12 => "NV12",
        FrameFormat::GRAY => "GREY",
        FrameFormat::RAWRGB => "RGB",
        FrameFormat::RAWBGR => "BGR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FrameFormat::{GRAY, MJPEG, NV12, YUYV};
    use proptest::prelude::*;

    fn f(width: u32, height: u32, format: FrameFormat, rate: u32) -> CameraFormat {
        CameraFormat::new_from(width, height, format, rate)
    }

    #[test]
    fn a_usual_webcam_is_read_at_640x480_raw() {
        let list = [
            f(1920, 1080, MJPEG, 30),
            f(1920, 1080, YUYV, 5),
            f(1280, 720, YUYV, 10),
            f(1280, 720, MJPEG, 30),
            f(640, 480, YUYV, 30),
            f(640, 480, MJPEG, 30),
            f(160, 120, YUYV, 30),
        ];
        assert_eq!(choose_format(&list), Some(list[4]));
        // Without the raw one, the same size coded.
        assert_eq!(
            choose_format(&[&list[..4], &list[5..]].concat()),
            Some(list[5])
        );
        // Only large ones: the one that is fast.
        assert_eq!(choose_format(&list[..4]), Some(list[3]));
        assert_eq!(choose_format(&list[..2]), Some(list[0]));
    }

    #[test]
    fn speed_is_worth_a_smaller_picture_only_when_it_is_really_slow() {
        assert_eq!(
            choose_format(&[f(640, 480, YUYV, 15), f(320, 240, YUYV, 30)]),
            Some(f(640, 480, YUYV, 15))
        );
        assert_eq!(
            choose_format(&[f(1600, 1200, YUYV, 2), f(320, 240, YUYV, 30)]),
            Some(f(320, 240, YUYV, 30))
        );
        assert_eq!(
            choose_format(&[f(640, 480, YUYV, 60), f(640, 480, YUYV, 25)]),
            Some(f(640, 480, YUYV, 25))
        );
    }

    #[test]
    fn odd_lists_are_survived() {
        assert_eq!(choose_format(&[]), None);
        assert_eq!(choose_format(&[f(0, 0, MJPEG, 30)]), None);
        assert_eq!(choose_format(&[f(u32::MAX, u32::MAX, YUYV, 1)]), None);
        let only = f(352, 288, GRAY, 10);
        assert_eq!(choose_format(&[only]), Some(only));
        // A rate that nobody knows.
        assert_eq!(
            choose_format(&[f(640, 480, NV12, 0)]),
            Some(f(640, 480, NV12, 0))
        );
        assert_eq!(
            choose_format(&[f(640, 480, YUYV, 30_000), f(640, 480, YUYV, 30)]),
            Some(f(640, 480, YUYV, 30))
        );
        assert_eq!(rank(&[only, only]).len(), 1);
    }

    proptest! {
        #[test]
        fn the_choice_is_one_of_the_list(
            list in proptest::collection::vec((0u32..5000, 0u32..5000, 0u32..200), 0..30)
        ) {
            let formats = [MJPEG, YUYV, NV12, GRAY];
            let list: Vec<_> = list.into_iter().map(|(w, h, r)| f(w, h, formats[(w % 4) as usize], r)).collect();
            match choose_format(&list) {
                Some(choice) => prop_assert!(list.contains(&choice)),
                None => prop_assert!(list.iter().all(|f| f.width() < 32 || f.height() < 32)),
            }
        }
    }
}
