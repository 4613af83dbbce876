//! A picture at another size, to the last bit as PIL resizes: what the reference code prepares its crops with.
//!
//! Bilinear in PIL's sense: a triangle that is as wide as an output pixel where the picture shrinks. Its weights are
//! rounded to 22 binary digits, and the picture is rounded to whole grey levels between the two passes (first along
//! rows, then along columns). Resizers with fewer digits differ by a level here and there, which a deep network turns into
//! differences of some 1e-4.

/// Binary digits of a weight, as PIL's for 8-bit pictures.
const DIGITS: u32 = 32 - 8 - 2;

/// The weights of one output position.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// The taps from `from` positions to `to`.
fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    (0..to)
        .map(|position| {
            let center = (position as f64 + 0.5) * scale;
            // Truncation after adding a half, as PIL has it.
            let first = (center - reach + 0.5).max(0.0) as usize;
            let end = ((center + reach + 0.5) as usize).min(from);
            let triangle = |x: usize| {
                let off = ((x as f64 - center + 0.5) / reach).abs();
                (1.0 - off).max(0.0)
            };
            let sum: f64 = (first..end).map(triangle).sum();
            let unit = f64::from(1u32 << DIGITS);
            let weights = (first..end)
                .map(|x| (0.5 + triangle(x) / sum * unit) as i32)
                .collect();
            Taps { first, weights }
        })
        .collect()
}

fn rounded(sum: i32) -> u8 {
    ((sum + (1 << (DIGITS - 1))) >> DIGITS).clamp(0, 255) as u8
}

/// Resizes `pixels [h, w, channels]` to `[to_h, to_w, channels]`; all sides at least 1.
pub fn resize(
    pixels: &[u8],
    channels: usize,
    (w, h): (usize, usize),
    (to_w, to_h): (usize, usize),
) -> Vec<u8> {
    let mut across = Vec::with_capacity(to_w * h * channels);
    if to_w == w {
        across.extend_from_slice(pixels);
    } else {
        let taps = taps(w, to_w);
        for row in pixels.chunks_exact(w * channels) {
            for Taps { first, weights } in &taps {
                for channel in 0..channels {
                    let values = row
                        .iter()
                        .skip(first * channels + channel)
                        .step_by(channels);
                    let sum = weights
                        .iter()
                        .zip(values)
                        .map(|(k, &v)| k * i32::from(v))
                        .sum();
                    across.push(rounded(sum));
                }
            }
        }
    }
    if to_h == h {
        return across;
    }
    let row = to_w * channels;
    let mut out = Vec::with_capacity(row * to_h);
    let mut sums = vec![0i32; row];
    for Taps { first, weights } in taps(h, to_h) {
        sums.fill(0);
        for (k, values) in weights.iter().zip(across.chunks_exact(row).skip(first)) {
            for (sum, &v) in sums.iter_mut().zip(values) {
                *sum += k * i32::from(v);
            }
        }
        out.extend(sums.iter().map(|&sum| rounded(sum)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn one_colour_stays_it_at_every_size(
            v: u8, w in 1usize..40, h in 1usize..40, to_w in 1usize..60, to_h in 1usize..60,
        ) {
            let out = resize(&vec![v; w * h * 3], 3, (w, h), (to_w, to_h));
            prop_assert_eq!(out, vec![v; to_w * to_h * 3]);
        }

        #[test]
        fn nothing_leaves_the_range_of_what_was_there(
            pixels in prop::collection::vec(any::<u8>(), 35), to_w in 1usize..20, to_h in 1usize..20,
        ) {
            let out = resize(&pixels, 1, (7, 5), (to_w, to_h));
            let (low, high) = (pixels.iter().min(), pixels.iter().max());
            prop_assert!(out.iter().all(|v| Some(v) >= low && Some(v) <= high));
        }
    }
}
