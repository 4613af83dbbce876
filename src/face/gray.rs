//! The grey picture that detector and landmarks look at.

use fast_image_resize as fr;

use crate::analysis::BoxPx;
use crate::frame::Frame;

/// 8-bit grey, row by row, without padding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gray {
    /// Width in pixels.
    pub width_px: usize,
    /// Height in pixels.
    pub height_px: usize,
    /// `[height, width]`
    pub pixels: Vec<u8>,
}

/// 0.299 R + 0.587 G + 0.114 B (ITU-R 601), in 16.16 fixed point, rounded: PIL's "L", which the weights were trained on.
pub fn luma(r: u8, g: u8, b: u8) -> u8 {
    ((19595 * u32::from(r) + 38470 * u32::from(g) + 7471 * u32::from(b) + 0x8000) >> 16) as u8
}

impl Gray {
    /// Converts a frame into this buffer: [`luma`], up to a level of rounding.
    pub fn fill(&mut self, frame: &Frame) {
        self.width_px = frame.width_px();
        self.height_px = frame.height_px();
        self.pixels.resize(self.width_px * self.height_px, 0);
        let (w, h) = (self.width_px as u32, self.height_px as u32);
        let mut plane = yuv::YuvGrayImageMut {
            y_plane: yuv::BufferStoreMut::Borrowed(&mut self.pixels),
            y_stride: w,
            width: w,
            height: h,
        };
        let (range, matrix) = (yuv::YuvRange::Full, yuv::YuvStandardMatrix::Bt601);
        // Fails only where the bytes are not a picture of this size, which a frame's always are.
        if let Err(e) = yuv::rgb_to_yuv400(&mut plane, frame.rgb(), 3 * w, range, matrix) {
            tracing::warn!("grey: {e}");
        }
    }

    /// Cuts out whole pixels around a region into `out`; the picture's edge is repeated where the region leaves it.
    pub fn cut(&self, (x0, y0): (i64, i64), (w, h): (usize, usize), out: &mut Self) {
        out.width_px = w;
        out.height_px = h;
        out.pixels.clear();
        if self.pixels.is_empty() {
            out.pixels.resize(w * h, 0);
            return;
        }
        let (right, bottom) = (self.width_px as i64 - 1, self.height_px as i64 - 1);
        for y in 0..h as i64 {
            let row = (y0 + y).clamp(0, bottom) as usize * self.width_px;
            let row = &self.pixels[row..row + self.width_px];
            if x0 >= 0 && x0 + (w as i64) <= self.width_px as i64 {
                out.pixels
                    .extend_from_slice(&row[x0 as usize..x0 as usize + w]);
            } else {
                out.pixels
                    .extend((0..w as i64).map(|x| row[(x0 + x).clamp(0, right) as usize]));
            }
        }
    }
}

/// Resizes with buffers that outlive a call.
#[derive(Default)]
pub struct Resizer {
    inner: fr::Resizer,
}

impl Resizer {
    /// `from` at another size into `to`, by an antialiasing triangle filter (PIL's bilinear).
    pub fn resize(&mut self, from: &Gray, (w, h): (usize, usize), to: &mut Gray) {
        self.run(from, (w, h), to, None);
    }

    /// A region of `from`, in whole or broken pixels inside it, at another size into `to`.
    pub fn resize_region(
        &mut self,
        from: &Gray,
        region: BoxPx,
        (w, h): (usize, usize),
        to: &mut Gray,
    ) {
        self.run(from, (w, h), to, Some(region));
    }

    fn run(&mut self, from: &Gray, (w, h): (usize, usize), to: &mut Gray, region: Option<BoxPx>) {
        to.width_px = w;
        to.height_px = h;
        to.pixels.clear();
        to.pixels.resize(w * h, 0);
        let mut options = fr::ResizeOptions::new()
            .resize_alg(fr::ResizeAlg::Convolution(fr::FilterType::Bilinear));
        if let Some(r) = region {
            options = options.crop(
                f64::from(r.x),
                f64::from(r.y),
                f64::from(r.w),
                f64::from(r.h),
            );
        }
        let source = fr::images::ImageRef::new(
            from.width_px as u32,
            from.height_px as u32,
            &from.pixels,
            fr::PixelType::U8,
        );
        let target =
            fr::images::Image::from_slice_u8(w as u32, h as u32, &mut to.pixels, fr::PixelType::U8);
        // Fails only for sizes that do not fit their buffers or a region outside the picture: a blank result then
        // holds no face.
        if let (Ok(source), Ok(mut target)) = (source, target)
            && let Err(e) = self.inner.resize(&source, &mut target, &options)
        {
            tracing::warn!("resize: {e}");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::frame::FrameStamp;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn grey_is_luma_up_to_a_level(
            (w, h, rgb) in (1usize..70, 1usize..9)
                .prop_flat_map(|(w, h)| (Just(w), Just(h), prop::collection::vec(any::<u8>(), w * h * 3)))
        ) {
            let stamp = FrameStamp { index: 0, time_s: 0.0 };
            let mut gray = Gray { width_px: 2, height_px: 1, pixels: vec![1, 2] };
            gray.fill(&Frame::new(stamp, w, h, rgb.clone()).unwrap());
            prop_assert_eq!((gray.width_px, gray.height_px, gray.pixels.len()), (w, h, w * h));
            for (got, rgb) in gray.pixels.iter().zip(rgb.chunks(3)) {
                prop_assert!(got.abs_diff(luma(rgb[0], rgb[1], rgb[2])) <= 1);
            }
        }
    }
}
