//! From layers to a program: where everything lies, and in which order the kernels read it.

use super::Conv;
use super::area::Area;
use super::isa::InstructionSet;
use super::kernel::{Kernel, Segment, kernel};
use super::kernel8::{Kernel8, STEP, kernel8};
use super::network::Network;
use super::program::{Layer, Layer8, Place, Program, Work};
use crate::model::config::pooled_side;

/// The longest sum between two visits to the output: its weights then stay in the second-level cache.
pub(super) const BLOCK: usize = 1024;

/// Lays out a network, layer by layer.
pub(in crate::model) struct Builder {
    pub(super) kernel: Kernel,
    group: usize,
    threads: usize,
    grouped_from: Option<usize>,
    len: usize,
    free: Vec<(usize, usize)>,
    work: Vec<Work>,
    /// Packed weights and biases of all layers; of 8-bit layers their scales in place of the weights.
    pub(super) weights: Vec<f32>,
    /// Packed weights of 8-bit layers.
    pub(super) weights8: Vec<u8>,
    pub(super) kernel8: Kernel8,
    /// What one of a byte is worth at each point, where the network runs in 8 bits.
    units: Option<Vec<f32>>,
    /// Areas are of bytes now.
    bytes: bool,
    /// Steps whose outputs may be bytes, with their areas.
    points: Vec<(usize, Area)>,
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
            weights8: Vec::new(),
            kernel8: kernel8(set),
            units: None,
            bytes: false,
            points: Vec::new(),
            input: None,
        }
    }

    /// From [`Builder::quantise`] to [`Builder::mean`] in 8 bits, with what a byte is worth at each point.
    pub fn in_bytes(&mut self, units: &[f32]) {
        self.units = Some(units.to_vec());
    }

    /// What a byte is worth at the next point.
    fn next_unit(&self) -> f32 {
        let unit = self.units.as_ref().and_then(|u| u.get(self.points.len()));
        unit.copied().unwrap_or(1.0).max(f32::MIN_POSITIVE)
    }

    /// The output of the last step is a point: it may be bytes. Gives it with what a byte of it is worth.
    fn point(&mut self, mut area: Area) -> Area {
        if area.holds_bytes() {
            area.unit = self.next_unit();
        }
        self.points.push((self.work.len() - 1, area));
        area
    }

    /// Where 8 bits begin, if the network runs in them.
    pub fn quantise(&mut self, from: Area) -> Area {
        if self.units.is_none() {
            return self.point(from);
        }
        self.bytes = true;
        let to = self.area(from.channels, (from.height, from.width), from.each > 0);
        self.work.push(Work::Quantise { from, to });
        let to = self.point(to);
        if let Some(Work::Quantise { to: placed, .. }) = self.work.last_mut() {
            *placed = to;
        }
        self.release(&from);
        to
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
            unit: 0.0,
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
        let columns = if self.bytes {
            self.kernel8.columns
        } else {
            self.kernel.columns
        };
        let area = Area {
            at: 0,
            height,
            width,
            channels,
            stride: channels.next_multiple_of(columns),
            pad: 0,
            each: 0,
            unit: if self.bytes { 1.0 } else { 0.0 },
        };
        self.place(area, grouped)
    }

    /// What an area takes of the arena: a little more than its values, so that the next one begins on a cache line.
    fn room(&self, area: &Area) -> usize {
        let pictures = if area.each > 0 { self.group } else { 1 };
        let values = area.len() * pictures;
        let len = if area.holds_bytes() {
            values.div_ceil(4)
        } else {
            values
        };
        len.next_multiple_of(16)
    }

    fn place(&mut self, mut area: Area, grouped: bool) -> Area {
        // Pictures follow each other without a gap: their pixels are rows of one matrix.
        area.each = if grouped { area.len() } else { 0 };
        let len = self.room(&area);
        // What is of all pictures lives on while the steps that take one at a time begin anew with the next picture: its
        // place is no other area's until they are over.
        let lives_on = grouped && self.grouped_from.is_none();
        let mut free = self.free.iter();
        let fits = free.position(|&(_, room)| room >= len && !lives_on);
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
        // What is of all pictures is read again for the next one, as long as one is taken at a time.
        if area.each > 0 && self.grouped_from.is_none() {
            return;
        }
        self.free.push((area.at, self.room(area)));
    }

    /// How many steps there are so far.
    pub fn steps(&self) -> usize {
        self.work.len()
    }

    /// From here on steps take all pictures of a group together.
    pub fn together(&mut self) {
        self.grouped_from.get_or_insert(self.work.len());
    }

    /// A layer with its ReLU that is f32 in any case.
    pub fn layer(&mut self, sources: &[(&Conv, Area)], to: Area) {
        self.conv(sources, to, false, true);
        self.points.pop();
    }

    /// A layer from one area, or the sum of two (a block's end and its projection), into `to`, which comes back. The
    /// first convolution of all reads the padded input a row of the kernel at a time.
    pub fn conv(&mut self, sources: &[(&Conv, Area)], to: Area, onto: bool, relu: bool) -> Area {
        let (segments, tables, from_each) = self.segments(sources, &to);
        let convs: Vec<&Conv> = sources.iter().map(|(conv, _)| *conv).collect();
        let depth = segments.iter().map(|s| s.len).sum();
        let c_out = convs[0].c_out;
        let pixels = to.height * to.width;
        if !to.holds_bytes() {
            let (weights, bias) = self.pack(&convs, depth);
            self.work.push(Work::Conv(Layer {
                blocks: blocks(&segments),
                place: Place {
                    segments,
                    tables,
                    from_each,
                    pixels,
                    panels: c_out.div_ceil(self.kernel.columns),
                    to,
                },
                weights,
                bias,
                depth,
                onto,
                relu,
            }));
            return if relu { self.point(to) } else { to };
        }
        debug_assert!(relu, "bytes have no sign");
        let units: Vec<f32> = sources.iter().map(|(_, from)| from.unit).collect();
        let before = to.unit;
        let unit = self.next_unit();
        let (weights, scale, bias) = self.pack8(&convs, &units, depth, unit);
        self.work.push(Work::Conv8(Layer8 {
            place: Place {
                segments,
                tables,
                from_each,
                pixels,
                panels: c_out.div_ceil(self.kernel8.columns),
                to,
            },
            weights,
            scale,
            bias,
            depth,
            residual: if onto { before / unit } else { 0.0 },
        }));
        self.point(to)
    }

    /// The left matrix of a layer: segments and their table.
    fn segments(&self, sources: &[(&Conv, Area)], to: &Area) -> (Vec<Segment>, Vec<u32>, usize) {
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
            let mut len = conv.c_in * if padded { conv.kernel } else { 1 };
            if from.holds_bytes() {
                len = len.next_multiple_of(STEP);
            }
            for ky in 0..conv.kernel {
                for kx in 0..taps {
                    let table = tables.len();
                    for picture in 0..pictures {
                        for oy in 0..to.height {
                            for ox in 0..to.width {
                                let (y, x) = (oy * conv.stride + ky, ox * conv.stride + kx);
                                let inside = y >= conv.pad
                                    && x >= conv.pad
                                    && y - conv.pad < from.height
                                    && x - conv.pad < from.width;
                                let offset = if padded {
                                    from.begin() + from.stored(y, x)
                                } else if inside {
                                    from.begin()
                                        + picture * from.each
                                        + from.pixel(y - conv.pad, x - conv.pad)
                                } else {
                                    0
                                };
                                tables.push(offset as u32);
                            }
                        }
                    }
                    let longest = if from.holds_bytes() { len } else { BLOCK };
                    for add in (0..len).step_by(longest) {
                        let len = longest.min(len - add);
                        segments.push(Segment { table, add, len });
                    }
                }
            }
        }
        (segments, tables, from_each)
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
        self.bytes = false;
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
            unit: 0.0,
        });
        let program = Program::new(
            (self.kernel, self.kernel8),
            grouped_from,
            self.group,
            self.work,
            (&self.weights, &self.weights8),
            self.len,
            self.threads,
        );
        Network::new(program, input, outputs, self.points, self.group)
    }
}

/// Groups segments into blocks of at most [`BLOCK`] values; with each, where its weights begin.
pub(super) fn blocks(segments: &[Segment]) -> Vec<(std::ops::Range<usize>, usize)> {
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
