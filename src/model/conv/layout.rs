//! From layers to a program: where everything lies, and in which order the kernels read it.

use super::isa::InstructionSet;
use super::kernel::{Kernel, Segment, kernel};
use super::program::{Layer, Network, Program, Work};
use super::{Conv, pooled_side};

/// The longest sum between two visits to the output: its weights then stay in the second-level cache.
const BLOCK: usize = 1024;

/// Activations of one layer in the arena: `[picture][height][width][stride]`, of which `channels` are meant. What lies
/// between `channels` and `stride` is zero, or never read.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct Area {
    pub at: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub stride: usize,
    /// Zeros around the picture, stored.
    pub pad: usize,
    /// Between two pictures; 0 where there is room for one alone.
    pub each: usize,
}

impl Area {
    /// Where a pixel begins within its picture.
    pub fn pixel(&self, y: usize, x: usize) -> usize {
        self.stored(y + self.pad, x + self.pad)
    }

    /// The same, counted from the corner of the padding.
    fn stored(&self, y: usize, x: usize) -> usize {
        (y * (self.width + 2 * self.pad) + x) * self.stride
    }

    fn len(&self) -> usize {
        (self.height + 2 * self.pad) * (self.width + 2 * self.pad) * self.stride
    }
}

/// Lays out a network, layer by layer.
pub(in crate::model) struct Builder {
    kernel: Kernel,
    group: usize,
    threads: usize,
    grouped_from: Option<usize>,
    len: usize,
    free: Vec<(usize, usize)>,
    work: Vec<Work>,
    /// Packed weights and biases of all layers.
    weights: Vec<f32>,
    input: Option<Area>,
}

impl Builder {
    /// `zeros`: the most channels of a layer that is padded; `group`: pictures that the last steps take together.
    pub fn new(set: InstructionSet, group: usize, threads: usize, zeros: usize) -> Self {
        let kernel = kernel(set);
        let zeros = zeros.next_multiple_of(64);
        Self {
            kernel,
            group,
            threads: threads.max(1),
            grouped_from: None,
            len: zeros,
            free: Vec::new(),
            work: Vec::new(),
            weights: Vec::new(),
            input: None,
        }
    }

    /// The pictures, with room for the first layer's padding.
    pub fn input(&mut self, channels: usize, (height, width): (usize, usize), pad: usize) -> Area {
        let area = Area {
            at: 0,
            height,
            width,
            channels,
            stride: channels,
            pad,
            each: 0,
        };
        let area = self.place(area, true);
        self.input = Some(area);
        area
    }

    /// Room for a layer's output. `grouped`: of every picture, not of one at a time.
    pub fn area(
        &mut self,
        channels: usize,
        (height, width): (usize, usize),
        grouped: bool,
    ) -> Area {
        let area = Area {
            at: 0,
            height,
            width,
            channels,
            stride: channels.next_multiple_of(self.kernel.columns),
            pad: 0,
            each: 0,
        };
        self.place(area, grouped)
    }

    /// What an area takes of the arena: a little more than its values, so that the next one begins on a cache line.
    fn room(&self, area: &Area) -> usize {
        let pictures = if area.each > 0 { self.group } else { 1 };
        (area.len() * pictures).next_multiple_of(16)
    }

    fn place(&mut self, mut area: Area, grouped: bool) -> Area {
        // Pictures follow each other without a gap: their pixels are rows of one matrix.
        area.each = if grouped { area.len() } else { 0 };
        let len = self.room(&area);
        let fits = self.free.iter().position(|&(_, room)| room >= len);
        area.at = match fits {
            Some(i) => {
                let (at, room) = self.free.swap_remove(i);
                if room > len {
                    self.free.push((at + len, room - len));
                }
                at
            }
            None => {
                self.len += len;
                self.len - len
            }
        };
        area
    }

    /// Its place may be used again.
    pub fn release(&mut self, area: &Area) {
        self.free.push((area.at, self.room(area)));
    }

    /// From here on steps take all pictures of a group together.
    pub fn together(&mut self) {
        self.grouped_from.get_or_insert(self.work.len());
    }

    /// A layer from one area, or the sum of two (a block's end and its projection), into `to`. The first convolution of
    /// all reads the padded input a row of the kernel at a time.
    pub fn conv(&mut self, sources: &[(&Conv, Area)], to: Area, onto: bool, relu: bool) {
        let pictures = if self.grouped_from.is_some() {
            self.group
        } else {
            1
        };
        let mut segments = Vec::new();
        let mut tables = Vec::new();
        let mut from_each = 0;
        for (conv, from) in sources {
            debug_assert_eq!(conv.c_in, from.channels);
            if self.grouped_from.is_none() {
                // The kernel moves all offsets of a picture by this, those of the zeros too.
                debug_assert!(from.each == 0 || from.pad > 0 || conv.pad == 0);
                debug_assert!(segments.is_empty() || from_each == from.each);
                from_each = from.each;
            }
            let padded = from.pad > 0;
            let taps = if padded { 1 } else { conv.kernel };
            for ky in 0..conv.kernel {
                for kx in 0..taps {
                    let table = tables.len();
                    for picture in 0..pictures {
                        for oy in 0..to.height {
                            for ox in 0..to.width {
                                let (y, x) = (oy * conv.stride + ky, ox * conv.stride + kx);
                                let offset = if padded {
                                    from.at + from.stored(y, x)
                                } else if y < conv.pad
                                    || x < conv.pad
                                    || y - conv.pad >= from.height
                                    || x - conv.pad >= from.width
                                {
                                    0
                                } else {
                                    from.at
                                        + picture * from.each
                                        + from.pixel(y - conv.pad, x - conv.pad)
                                };
                                tables.push(offset as u32);
                            }
                        }
                    }
                    let len = conv.c_in * if padded { conv.kernel } else { 1 };
                    for add in (0..len).step_by(BLOCK) {
                        let len = BLOCK.min(len - add);
                        segments.push(Segment { table, add, len });
                    }
                }
            }
        }
        let convs: Vec<&Conv> = sources.iter().map(|(conv, _)| *conv).collect();
        let depth = segments.iter().map(|s| s.len).sum();
        let (weights, bias) = self.pack(&convs, depth);
        self.work.push(Work::Conv(Layer {
            blocks: blocks(&segments),
            segments,
            tables,
            weights,
            bias,
            depth,
            panels: convs[0].c_out.div_ceil(self.kernel.columns),
            pixels: to.height * to.width,
            from_each,
            to,
            onto,
            relu,
        }));
    }

    /// Weights as `[panel][depth][columns]`, depth in the order of the segments: for each convolution its taps row by
    /// row, and within a tap its channels. Biases add up.
    fn pack(&mut self, convs: &[&Conv], depth: usize) -> (usize, usize) {
        let columns = self.kernel.columns;
        let panels = convs[0].c_out.div_ceil(columns);
        // Both begin on a cache line.
        let bias = self.weights.len().next_multiple_of(16);
        let weights = (bias + panels * columns).next_multiple_of(16);
        self.weights.resize(weights + panels * depth * columns, 0.0);
        let (biases, packed) = self.weights[bias..].split_at_mut(weights - bias);
        let mut begin = 0;
        for conv in convs {
            let taps = conv.kernel * conv.kernel;
            for (out, row) in conv.weight.chunks_exact(conv.c_in * taps).enumerate() {
                let (panel, column) = (out / columns, out % columns);
                for (c, kernel) in row.chunks_exact(taps).enumerate() {
                    for (tap, &weight) in kernel.iter().enumerate() {
                        let k = begin + tap * conv.c_in + c;
                        packed[(panel * depth + k) * columns + column] = weight;
                    }
                }
            }
            for (sum, b) in biases.iter_mut().zip(&conv.bias) {
                *sum += b;
            }
            begin += taps * conv.c_in;
        }
        (weights, bias)
    }

    /// 3x3 step 2, no padding, ceil mode.
    pub fn max_pool(&mut self, from: Area) -> Area {
        let to = self.area(
            from.channels,
            (pooled_side(from.height), pooled_side(from.width)),
            from.each > 0,
        );
        self.work.push(Work::MaxPool { from, to });
        to
    }

    /// The mean over all pixels.
    pub fn mean(&mut self, from: Area) -> Area {
        let to = self.area(from.channels, (1, 1), from.each > 0);
        self.work.push(Work::Mean { from, to });
        to
    }

    /// `x * scale + shift` per channel, in place.
    pub fn affine(&mut self, at: Area, scale: Vec<f32>, shift: Vec<f32>) {
        self.work.push(Work::Affine { at, scale, shift });
    }

    /// The network; `outputs` are what a run gives.
    pub fn finish(self, outputs: Vec<Area>) -> Network {
        let grouped_from = self.grouped_from.unwrap_or(self.work.len());
        let input = self.input.unwrap_or(Area {
            at: 0,
            height: 0,
            width: 0,
            channels: 0,
            stride: 0,
            pad: 0,
            each: 0,
        });
        let program = Program::new(
            self.kernel,
            grouped_from,
            self.group,
            self.work,
            &self.weights,
            self.len,
            self.threads,
        );
        Network::new(program, input, outputs, self.group)
    }
}

/// Groups segments into blocks of at most [`BLOCK`] values; with each, where its weights begin.
fn blocks(segments: &[Segment]) -> Vec<(std::ops::Range<usize>, usize)> {
    let mut blocks = Vec::new();
    let (mut first, mut begin, mut len) = (0, 0, 0);
    for (i, segment) in segments.iter().enumerate() {
        if len > 0 && len + segment.len > BLOCK {
            blocks.push((first..i, begin));
            (first, begin, len) = (i, begin + len, 0);
        }
        len += segment.len;
    }
    blocks.push((first..segments.len(), begin));
    blocks
}
