//! What happens to a picture on its way: something in front, light, blur, few pixels, noise.

use fast_image_resize as fr;

use super::Augment;
use crate::train::random::Rng;

/// Does it all to a picture `[side, side, channels]`, as far as `augment` says and chance has it.
pub(in crate::train) fn develop(
    augment: &Augment,
    rng: &mut Rng,
    (side_px, channels): (usize, usize),
    out: &mut [u8],
) {
    if rng.chance(augment.occlusion) {
        occlude(augment.occlusion_part, rng, (side_px, channels), out);
    }
    light(augment, rng, out);
    // What is asked for alone is drawn for: settings without it give the views that they always gave.
    if augment.side_light > 0.0 && rng.chance(augment.side_light) {
        side_light(rng, (side_px, channels), out);
    }
    if augment.dark > 0.0 && rng.chance(augment.dark) {
        // As often to a half as from there to a quarter.
        let part = rng.between(0.1f64.ln(), 0.0).exp();
        out.iter_mut()
            .for_each(|v| *v = (f64::from(*v) * part).round() as u8);
    }
    if rng.chance(augment.blur) {
        blur(rng.between(0.0, augment.blur_px), (side_px, channels), out);
    }
    if rng.chance(augment.low_resolution) {
        // As often halved once as halved again: sizes are even on a scale of ratios.
        let high = side_px as f64;
        let low = (augment.low_resolution_px as f64).min(high);
        let side = rng.between(low.ln(), high.ln()).exp().round() as usize;
        lower(side, (side_px, channels), out);
    }
    if rng.chance(augment.noise) {
        noise(rng.between(0.0, augment.noise_levels), rng, out);
    }
}

/// A rectangle of one colour or of noise; hands, hair, masks and the picture's edge come in all of these.
fn occlude(part: f64, rng: &mut Rng, (side_px, channels): (usize, usize), out: &mut [u8]) {
    let side = side_px as f64;
    let area = rng.between(0.02f64.min(part), part) * side * side;
    // From three times as wide as high to the reverse.
    let ratio = rng.between(-1.1, 1.1).exp();
    let length = |v: f64| (v.round() as usize).clamp(1, side_px);
    let (w, h) = (length((area * ratio).sqrt()), length((area / ratio).sqrt()));
    let x = rng.below(side_px - w + 1);
    let y = rng.below(side_px - h + 1);
    let grainy = rng.chance(0.3);
    let level = rng.bits().to_le_bytes();
    for row in out.chunks_exact_mut(side_px * channels).skip(y).take(h) {
        for pixel in row.chunks_exact_mut(channels).skip(x).take(w) {
            let colour = if grainy {
                rng.bits().to_le_bytes()
            } else {
                level
            };
            pixel.copy_from_slice(&colour[..channels]);
        }
    }
}

/// Contrast, brightness and gamma in one table.
fn light(augment: &Augment, rng: &mut Rng, out: &mut [u8]) {
    let factor = |most: f64, rng: &mut Rng| {
        let most = (1.0 + most).ln();
        rng.between(-most, most).exp()
    };
    let gamma = factor(augment.gamma, rng);
    let gain = factor(augment.gain, rng);
    let bias = rng.between(-augment.bias, augment.bias);
    if augment.gamma == 0.0 && augment.gain == 0.0 && augment.bias == 0.0 {
        return;
    }
    // Contrast about the picture's own mean: what is dark does not become darker for it.
    let mean = out.iter().map(|&v| u64::from(v)).sum::<u64>() as f64 / out.len() as f64;
    let bent = |v: f64| (v / 255.0).powf(gamma) * 255.0;
    let middle = bent(mean);
    let table: [u8; 256] = std::array::from_fn(|v| {
        let level = (bent(v as f64) - middle) * gain + middle + bias;
        // Clamps, too.
        level.round() as u8
    });
    for value in out {
        *value = table[usize::from(*value)];
    }
}

/// Up to twice the light on one side and none on the other, along any direction.
fn side_light(rng: &mut Rng, (side_px, channels): (usize, usize), out: &mut [u8]) {
    let (most, angle) = (
        rng.between(0.2, 1.2),
        rng.between(0.0, std::f64::consts::TAU),
    );
    let (dx, dy) = (most * angle.cos(), most * angle.sin());
    let along = |at: usize| at as f64 / (side_px - 1) as f64 - 0.5;
    for (y, row) in out.chunks_exact_mut(side_px * channels).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            let by = (1.0 + along(x) * dx + along(y) * dy).clamp(0.1, 2.0);
            // The cast keeps to 0..=255.
            pixel
                .iter_mut()
                .for_each(|v| *v = (f64::from(*v) * by).round() as u8);
        }
    }
}

/// About a Gaussian of this standard deviation: the kernel 1 2 1 again and again, which has a variance of 1/2, and
/// once mixed with the sharp picture for what is missing.
pub(super) fn blur(sd_px: f64, (side_px, channels): (usize, usize), out: &mut [u8]) {
    let variance = sd_px * sd_px;
    let whole = (variance / 0.5) as usize;
    let rest = variance - whole as f64 * 0.5;
    // A kernel t, 1 - 2t, t has a variance of 2t.
    let mut sides = vec![64u16; whole]; // of 256
    sides.push((rest / 2.0 * 256.0).round() as u16);
    let mut scratch = vec![0; out.len()];
    for side in sides.into_iter().filter(|&side| side > 0) {
        smooth(out, &mut scratch, channels, side_px * channels, side);
        smooth(&scratch, out, side_px * channels, out.len(), side);
    }
}

/// One pass of the kernel `side, 256 - 2 side, side` (of 256) along steps of `step` values within runs of `run`; the
/// run's ends are repeated.
fn smooth(from: &[u8], to: &mut [u8], step: usize, run: usize, side: u16) {
    let middle = 256 - 2 * side;
    let mix = |before: u8, at: u8, after: u8| {
        let sum = side * (u16::from(before) + u16::from(after));
        ((sum + middle * u16::from(at) + 128) >> 8) as u8
    };
    for (from, to) in from.chunks_exact(run).zip(to.chunks_exact_mut(run)) {
        let last = run - step;
        for i in 0..step {
            to[i] = mix(from[i], from[i], from[i + step]);
            to[last + i] = mix(from[last + i - step], from[last + i], from[last + i]);
        }
        let inner = to[step..last].iter_mut();
        let around = from[..last - step]
            .iter()
            .zip(&from[step..last])
            .zip(&from[2 * step..]);
        for (out, ((&before, &at), &after)) in inner.zip(around) {
            *out = mix(before, at, after);
        }
    }
}

/// The picture in `side` pixels a side, and back to its size.
fn lower(side: usize, (side_px, channels): (usize, usize), out: &mut [u8]) {
    if side >= side_px {
        return;
    }
    let kind = match channels {
        1 => fr::PixelType::U8,
        _ => fr::PixelType::U8x3,
    };
    let full = side_px as u32;
    let options =
        fr::ResizeOptions::new().resize_alg(fr::ResizeAlg::Convolution(fr::FilterType::Bilinear));
    let mut resizer = fr::Resizer::new();
    let mut few = fr::images::Image::new(side as u32, side as u32, kind);
    // Sizes and kinds are right by construction: nothing can fail, and if it did the picture would stay as it is.
    if let Ok(from) = fr::images::ImageRef::new(full, full, out, kind)
        && let Err(e) = resizer.resize(&from, &mut few, &options)
    {
        tracing::warn!("resize: {e}");
        return;
    }
    if let Ok(mut to) = fr::images::Image::from_slice_u8(full, full, out, kind)
        && let Err(e) = resizer.resize(&few, &mut to, &options)
    {
        tracing::warn!("resize: {e}");
    }
}

/// Noise of this standard deviation on every value: about normal, as the sum of four bytes is.
fn noise(sd_levels: f64, rng: &mut Rng, out: &mut [u8]) {
    // A byte has the variance (256^2 - 1) / 12, four of them four times as much.
    let sd = (4.0 * 65535.0 / 12.0f64).sqrt();
    let unit = (sd_levels / sd * 65536.0).round() as i32; // in 1/65536
    for pair in out.chunks_mut(2) {
        let bits = rng.bits().to_le_bytes();
        for (value, bytes) in pair.iter_mut().zip(bits.as_chunks::<4>().0) {
            let sum: i32 = bytes.iter().map(|&b| i32::from(b)).sum();
            let off = ((sum - 510) * unit + 0x8000) >> 16;
            *value = (i32::from(*value) + off).clamp(0, 255) as u8;
        }
    }
}
