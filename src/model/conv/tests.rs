//! Every kernel against the definition, one product at a time.

use super::isa::InstructionSet;
use super::*;
use crate::model::config::pooled_side;

/// `[height][width][channels]`
struct Picture {
    size: (usize, usize),
    channels: usize,
    values: Vec<f32>,
}

fn picture(channels: usize, (h, w): (usize, usize)) -> Picture {
    Picture {
        size: (h, w),
        channels,
        values: (0..channels * h * w)
            .map(|i| ((i * 29 % 31) as f32 - 15.0) / 7.0)
            .collect(),
    }
}

fn conv(c_in: usize, c_out: usize, (kernel, stride, pad): (usize, usize, usize)) -> Conv {
    Conv {
        c_in,
        c_out,
        kernel,
        stride,
        pad,
        weight: (0..c_out * c_in * kernel * kernel)
            .map(|i| ((i * 37 % 23) as f32 - 11.0) / 90.0)
            .collect(),
        bias: (0..c_out).map(|i| (i % 5) as f32 / 4.0 - 0.5).collect(),
    }
}

/// The definition, with the ReLU where it is wanted; `onto` is added first.
fn naive(sources: &[(&Conv, &Picture)], onto: Option<&Picture>, relu: bool) -> Picture {
    let (first, from) = sources[0];
    let (oh, ow) = (first.out_side(from.size.0), first.out_side(from.size.1));
    let mut values = Vec::new();
    for oy in 0..oh {
        for ox in 0..ow {
            for o in 0..first.c_out {
                let mut sum = onto.map_or(0.0, |p| p.values[(oy * ow + ox) * first.c_out + o]);
                for (conv, x) in sources {
                    sum += conv.bias[o];
                    for c in 0..conv.c_in {
                        for ky in 0..conv.kernel {
                            for kx in 0..conv.kernel {
                                let y = (oy * conv.stride + ky).wrapping_sub(conv.pad);
                                let x0 = (ox * conv.stride + kx).wrapping_sub(conv.pad);
                                if y < x.size.0 && x0 < x.size.1 {
                                    let k = conv.kernel;
                                    sum += conv.weight[((o * conv.c_in + c) * k + ky) * k + kx]
                                        * x.values[(y * x.size.1 + x0) * x.channels + c];
                                }
                            }
                        }
                    }
                }
                values.push(if relu { sum.max(0.0) } else { sum });
            }
        }
    }
    Picture {
        size: (oh, ow),
        channels: first.c_out,
        values,
    }
}

/// Runs a network of one picture and gives what lies at each of its points.
fn trace(network: &Network, x: &Picture) -> Vec<Vec<f32>> {
    let mut points = Vec::new();
    let row = x.size.1 * x.channels;
    network.trace(
        |y, values| values.copy_from_slice(&x.values[y * row..(y + 1) * row]),
        |_, values| points.push(values.to_vec()),
    );
    points
}

fn close(got: &[f32], wanted: &Picture, what: &str) {
    let stride = got.len() / (wanted.size.0 * wanted.size.1);
    for (got, wanted) in got
        .chunks_exact(stride)
        .zip(wanted.values.chunks_exact(wanted.channels))
    {
        for (a, b) in got.iter().zip(wanted) {
            assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{what}: {a} {b}");
        }
        // What is not a channel stays zero, since later layers step over it.
        assert!(got[wanted.len()..].iter().all(|&v| v == 0.0), "{what}");
    }
}

#[test]
fn layers_agree_with_the_definition_on_odd_sizes() {
    let shapes = [(1, 1, 0), (1, 2, 0), (3, 1, 1), (3, 2, 1), (7, 2, 3)];
    for set in InstructionSet::here() {
        for first in shapes {
            for second in shapes {
                for (h, w) in [(7, 7), (8, 5), (13, 10), (9, 23)] {
                    for (c, middle, out) in [(3, 5, 7), (1, 33, 64)] {
                        let x = picture(c, (h, w));
                        let (a, b) = (conv(c, middle, first), conv(middle, out, second));
                        let mut builder = Builder::new(set, 1, 1, 64);
                        let input = builder.input(c, (h, w), a.pad);
                        let to = builder.area(middle, a.out_size(&input), false);
                        let y = builder.conv(&[(&a, input)], to, false, true);
                        if y.height + 2 * b.pad < b.kernel || y.width + 2 * b.pad < b.kernel {
                            continue;
                        }
                        let to = builder.area(out, b.out_size(&y), false);
                        builder.conv(&[(&b, y)], to, false, true);
                        let points = trace(&builder.finish(vec![]), &x);
                        let what = format!("{set:?} {first:?} {second:?} {h}x{w}");
                        let wanted = naive(&[(&a, &x)], None, true);
                        close(&points[0], &wanted, &what);
                        close(&points[1], &naive(&[(&b, &wanted)], None, true), &what);
                    }
                }
            }
        }
    }
}

#[test]
fn a_residual_and_a_projection_are_added_before_the_relu_and_long_sums_are_whole() {
    for set in InstructionSet::here() {
        let x = picture(3, (9, 11));
        // 9 * 160 products a sum: more than a block.
        let (stem, spatial) = (conv(3, 160, (1, 1, 0)), conv(160, 160, (3, 1, 1)));
        let (expand, project) = (conv(160, 40, (1, 1, 0)), conv(160, 40, (1, 1, 0)));
        let again = conv(40, 40, (1, 1, 0));
        let mut b = Builder::new(set, 1, 1, 160);
        let input = b.input(3, (9, 11), 0);
        let to = b.area(160, (9, 11), false);
        let s = b.conv(&[(&stem, input)], to, false, true);
        let to = b.area(160, (9, 11), false);
        let y = b.conv(&[(&spatial, s)], to, false, true);
        let to = b.area(40, (9, 11), false);
        let z = b.conv(&[(&expand, y), (&project, s)], to, false, true);
        let to = b.area(40, (9, 11), false);
        let w = b.conv(&[(&again, z)], to, false, true);
        b.conv(&[(&again, w)], z, true, true);
        let points = trace(&b.finish(vec![]), &x);
        let stem_out = naive(&[(&stem, &x)], None, true);
        let spatial_out = naive(&[(&spatial, &stem_out)], None, true);
        close(&points[1], &spatial_out, "spatial");
        let joined = naive(
            &[(&expand, &spatial_out), (&project, &stem_out)],
            None,
            true,
        );
        close(&points[2], &joined, "joined");
        let w_out = naive(&[(&again, &joined)], None, true);
        close(
            &points[4],
            &naive(&[(&again, &w_out)], Some(&joined), true),
            "residual",
        );
    }
}

#[test]
fn eight_bits_are_near_and_the_same_on_every_machine() {
    let x = picture(3, (9, 11));
    let stem = conv(3, 20, (3, 1, 1));
    let (reduce, spatial, expand) = (
        conv(20, 36, (1, 1, 0)),
        conv(36, 36, (3, 1, 1)),
        conv(36, 20, (1, 1, 0)),
    );
    let build = |set, units: Option<&[f32]>| {
        let mut b = Builder::new(set, 1, 1, 64);
        if let Some(units) = units {
            b.in_bytes(units);
        }
        let input = b.input(3, (9, 11), 1);
        let to = b.area(20, (9, 11), false);
        b.layer(&[(&stem, input)], to);
        let x = b.quantise(to);
        let to = b.area(36, (9, 11), false);
        let y = b.conv(&[(&reduce, x)], to, false, true);
        let to = b.area(36, (9, 11), false);
        let z = b.conv(&[(&spatial, y)], to, false, true);
        let x = b.conv(&[(&expand, z)], x, true, true);
        let mean = b.mean(x);
        b.finish(vec![mean])
    };
    let mut units = Vec::new();
    let row = 11 * 3;
    build(InstructionSet::Portable, None).trace(
        |y, values| values.copy_from_slice(&x.values[y * row..(y + 1) * row]),
        |_, values| units.push(values.iter().fold(0.0f32, |a, &b| a.max(b)) / 255.0),
    );
    let read = |network: &Network| {
        let mut mean = Vec::new();
        network.run(
            1,
            |_, y, values| values.copy_from_slice(&x.values[y * row..(y + 1) * row]),
            |_, outputs| mean = outputs.get(0).to_vec(),
        );
        mean
    };
    let wanted = read(&build(InstructionSet::Portable, None));
    let first = read(&build(InstructionSet::Portable, Some(&units)));
    let top = wanted.iter().fold(0.0f32, |a, &b| a.max(b));
    for (a, b) in first.iter().zip(&wanted) {
        assert!((a - b).abs() < 0.03 * top, "{a} {b}");
    }
    for set in InstructionSet::here() {
        for (a, b) in read(&build(set, Some(&units))).iter().zip(&first) {
            // A value on the edge of two bytes may fall on the other side where products are fused with sums.
            assert!((a - b).abs() < 0.002 * top, "{set:?}: {a} {b}");
        }
    }
}

#[test]
fn pictures_of_a_group_do_not_touch_each_other_however_narrow_the_layers_are() {
    let size = (12, 12);
    let pictures: Vec<Picture> = (0..5)
        .map(|n| {
            let mut x = picture(3, size);
            x.values.rotate_left(17 * n);
            x
        })
        .collect();
    // The first area has room for what all pictures leave to the last layers.
    let (stem, narrow) = (conv(3, 64, (3, 1, 1)), conv(64, 8, (1, 2, 0)));
    let last = conv(8, 8, (3, 1, 1));
    for set in InstructionSet::here() {
        for in_bytes in [false, true] {
            let mut b = Builder::new(set, 4, 1, 64);
            if in_bytes {
                b.in_bytes(&[0.01; 3]);
            }
            let input = b.input(3, size, 1);
            let to = b.area(64, size, false);
            b.layer(&[(&stem, input)], to);
            let pool = b.max_pool(to);
            b.release(&to);
            let x = b.quantise(pool);
            let kept = b.area(8, narrow.out_size(&x), true);
            let kept = b.conv(&[(&narrow, x)], kept, false, true);
            b.release(&x);
            b.together();
            let to = b.area(8, (kept.height, kept.width), true);
            let y = b.conv(&[(&last, kept)], to, false, true);
            let mean = b.mean(y);
            let network = b.finish(vec![mean]);
            let run = |these: &[Picture]| {
                let mut means = Vec::new();
                network.run(
                    these.len(),
                    |n, y, row| row.copy_from_slice(&these[n].values[y * 36..(y + 1) * 36]),
                    |_, outputs| means.push(outputs.get(0).to_vec()),
                );
                means
            };
            let together = run(&pictures);
            let alone: Vec<_> = pictures
                .iter()
                .flat_map(|x| run(std::slice::from_ref(x)))
                .collect();
            assert_eq!(together, alone, "{set:?}, in bytes: {in_bytes}");
            assert_ne!(together[0], together[1]);
        }
    }
}

#[test]
fn the_pool_is_in_ceil_mode_without_padding() {
    let x = Picture {
        size: (4, 4),
        channels: 1,
        values: (0..16).map(|v| v as f32).collect(),
    };
    for set in InstructionSet::here() {
        let mut b = Builder::new(set, 1, 1, 1);
        let input = b.input(1, (4, 4), 0);
        let pool = b.max_pool(input);
        b.quantise(pool);
        let points = trace(&b.finish(vec![]), &x);
        let stride = points[0].len() / 4;
        let got: Vec<f32> = points[0].iter().step_by(stride).copied().collect();
        assert_eq!(got, [10.0, 11.0, 14.0, 15.0]);
    }
    assert_eq!(pooled_side(56), 28);
    assert_eq!(pooled_side(5), 2);
}
