//! Small checkpoints of the reference's layout, written as `torch.save` writes them, with whatever fault a test asks for.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dtype {
    F16,
    Bf16,
    F32,
    F64,
}

/// A student of widths 2 to 4. Its values are sixteenths, which every float type holds exactly.
#[derive(Debug, Clone)]
pub struct Made {
    /// Dictionaries around the state dict, outermost first.
    pub nest: &'static [&'static str],
    /// In front of every name.
    pub prefix: &'static str,
    pub dtype: Dtype,
    pub temporal: bool,
    /// Convolutions stored in the order N H W C.
    pub channels_last: bool,
    /// Tensors wrapped as `torch.nn.Parameter`.
    pub parameters: bool,
    /// With the int64 `num_batches_tracked`.
    pub counters: bool,
    pub without: &'static [&'static str],
    pub surplus: &'static [&'static str],
    /// This one gets a dimension of 9.
    pub misshapen: &'static str,
    /// One tensor is said to have this shape.
    pub absurd: Option<Vec<u64>>,
    /// ... and strides of zero.
    pub zero_strides: bool,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            nest: &[],
            prefix: "",
            dtype: Dtype::F32,
            temporal: true,
            channels_last: false,
            parameters: false,
            counters: true,
            without: &[],
            surplus: &[],
            misshapen: "",
            absurd: None,
            zero_strides: false,
        }
    }
}

/// The reference's names and shapes.
fn reference(temporal: bool) -> Vec<(String, Vec<u64>)> {
    let outer = if temporal { "backbone." } else { "" };
    let mut all = Vec::new();
    let norm = |all: &mut Vec<_>, name: String, size: u64| {
        for field in ["weight", "bias", "running_mean", "running_var"] {
            all.push((format!("{name}.{field}"), vec![size]));
        }
        all.push((format!("{name}.num_batches_tracked"), vec![]));
    };
    let conv = |all: &mut Vec<_>, name: &str, shape: [u64; 4]| {
        let name = format!("{outer}backbone.model.{name}");
        all.push((format!("{name}.weight"), shape.to_vec()));
        norm(all, format!("{name}_bn"), shape[0]);
    };
    conv(&mut all, "conv1_7x7_s2", [4, 3, 7, 7]);
    let mut from = 4;
    for (stage, width) in [(2, 2), (3, 2), (4, 4), (5, 4)] {
        conv(
            &mut all,
            &format!("conv{stage}_1_1x1_reduce"),
            [width, from, 1, 1],
        );
        conv(
            &mut all,
            &format!("conv{stage}_1_3x3"),
            [width, width, 3, 3],
        );
        conv(
            &mut all,
            &format!("conv{stage}_1_1x1_increase"),
            [4 * width, width, 1, 1],
        );
        conv(
            &mut all,
            &format!("conv{stage}_1_1x1_proj"),
            [4 * width, from, 1, 1],
        );
        from = 4 * width;
    }
    for (task, outputs) in [(0, 7), (1, 40)] {
        let name = format!("{outer}classifier.{task}");
        norm(&mut all, format!("{name}.bn0"), 16);
        all.push((format!("{name}.fc_0.weight"), vec![8, 16]));
        all.push((format!("{name}.fc_0.bias"), vec![8]));
        norm(&mut all, format!("{name}.bn1"), 8);
        all.push((format!("{name}.fc_1.weight"), vec![outputs, 8]));
        all.push((format!("{name}.fc_1.bias"), vec![outputs]));
        if temporal {
            for direction in ["", "_reverse"] {
                let gru = |part: &str| format!("classifier.{task}.GRU_layer.{part}_l0{direction}");
                all.push((gru("weight_ih"), vec![12, 8]));
                all.push((gru("weight_hh"), vec![12, 4]));
                all.push((gru("bias_ih"), vec![12]));
                all.push((gru("bias_hh"), vec![12]));
            }
            all.push((format!("classifier.{task}.fc_1.weight"), vec![outputs, 8]));
            all.push((format!("classifier.{task}.fc_1.bias"), vec![outputs]));
        }
    }
    all
}

/// Value `i` of a tensor, the same for a CNN alone and for the CNN within a CNN-GRU.
fn value(name: &str, i: u64) -> f64 {
    let own = name.strip_prefix("backbone.classifier").map_or_else(
        || name.strip_prefix("backbone.backbone").unwrap_or(name).len(),
        |rest| "classifier".len() + rest.len(),
    );
    let own = if name.starts_with("backbone.model") {
        name.len() - "backbone".len()
    } else {
        own
    };
    let i = i + own as u64;
    if name.ends_with("running_var") {
        1.0 + (i % 4) as f64 / 4.0
    } else {
        ((i * 7) % 17) as f64 / 16.0 - 0.5
    }
}

fn strides(shape: &[u64], channels_last: bool) -> Vec<u64> {
    if let (true, [_, c, h, w]) = (channels_last, shape) {
        return vec![c * h * w, 1, w * c, *c];
    }
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i];
    }
    strides
}

impl Made {
    pub fn bytes(&self) -> Vec<u8> {
        let mut pickle = b"\x80\x02".to_vec();
        let mut storages: Vec<(String, Vec<u8>)> = Vec::new();
        for nest in self.nest {
            pickle.push(b'}');
            text(&mut pickle, nest);
        }
        let ordered = b"ccollections\nOrderedDict\n)R";
        pickle.extend(ordered);
        pickle.push(b'(');
        let mut tensors = reference(self.temporal);
        tensors.retain(|(name, _)| !self.without.contains(&name.as_str()));
        tensors.extend(self.surplus.iter().map(|name| (name.to_string(), vec![2])));
        for (name, mut shape) in tensors {
            let counter = name.ends_with("num_batches_tracked");
            if counter && !self.counters {
                continue;
            }
            if name == self.misshapen {
                shape[0] = 9;
            }
            text(&mut pickle, &format!("{}{name}", self.prefix));
            let key = storages.len().to_string();
            let (mut said, mut steps) = (shape.clone(), strides(&shape, self.channels_last));
            storages.push((
                format!("made/data/{key}"),
                self.storage(&name, &shape, counter),
            ));
            if let (Some(absurd), true) = (&self.absurd, name.ends_with("conv1_7x7_s2_bn.bias")) {
                said.clone_from(absurd);
                steps = vec![u64::from(!self.zero_strides); absurd.len()];
            }
            if self.parameters && !counter {
                pickle.extend(b"ctorch._utils\n_rebuild_parameter\n(");
            }
            pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
            text(&mut pickle, "storage");
            let class = match (counter, self.dtype) {
                (true, _) => "Long",
                (_, Dtype::F16) => "Half",
                (_, Dtype::Bf16) => "BFloat16",
                (_, Dtype::F32) => "Float",
                (_, Dtype::F64) => "Double",
            };
            pickle.extend(format!("ctorch\n{class}Storage\n").bytes());
            text(&mut pickle, &key);
            text(&mut pickle, "cpu");
            whole(&mut pickle, shape.iter().product());
            pickle.extend(b"tQK\0");
            for list in [&said, &steps] {
                pickle.push(b'(');
                list.iter().for_each(|&n| whole(&mut pickle, n));
                pickle.push(b't');
            }
            pickle.push(0x89);
            pickle.extend(ordered);
            pickle.extend(b"tR");
            if self.parameters && !counter {
                pickle.push(0x88);
                pickle.extend(ordered);
                pickle.extend(b"tR");
            }
        }
        pickle.push(b'u');
        pickle.extend(self.nest.iter().map(|_| b's'));
        pickle.push(b'.');
        let mut members: Vec<(&str, &[u8])> =
            vec![("made/data.pkl", &pickle), ("made/byteorder", b"little")];
        members.extend(
            storages
                .iter()
                .map(|(name, data)| (name.as_str(), data.as_slice())),
        );
        archive(&members)
    }

    fn storage(&self, name: &str, shape: &[u64], counter: bool) -> Vec<u8> {
        if counter {
            return 7i64.to_le_bytes().to_vec();
        }
        let count: u64 = shape.iter().product();
        // The value belongs to the place in N C H W, wherever it is stored.
        let mut values = vec![0.0; count as usize];
        let steps = strides(shape, self.channels_last);
        for i in 0..count {
            let (mut rest, mut at) = (i, 0);
            for (n, step) in shape.iter().zip(&steps).rev() {
                at += rest % n * step;
                rest /= n;
            }
            values[at as usize] = value(name, i);
        }
        let bytes = |v: f64| match self.dtype {
            Dtype::F16 => half::f16::from_f64(v).to_le_bytes().to_vec(),
            Dtype::Bf16 => half::bf16::from_f64(v).to_le_bytes().to_vec(),
            Dtype::F32 => (v as f32).to_le_bytes().to_vec(),
            Dtype::F64 => v.to_le_bytes().to_vec(),
        };
        values.into_iter().flat_map(bytes).collect()
    }
}

fn text(pickle: &mut Vec<u8>, text: &str) {
    pickle.push(b'X');
    pickle.extend((text.len() as u32).to_le_bytes());
    pickle.extend(text.bytes());
}

fn whole(pickle: &mut Vec<u8>, number: u64) {
    if let Ok(byte) = u8::try_from(number) {
        pickle.extend([b'K', byte]);
    } else {
        pickle.extend([0x8a, 9]);
        pickle.extend(number.to_le_bytes());
        pickle.push(0);
        // Eight bytes are enough for what fits a signed number, as Python writes it.
        if number <= i64::MAX as u64 {
            pickle.pop();
            let at = pickle.len() - 9;
            pickle[at] = 8;
        }
    }
}

/// A zip archive of stored members.
pub fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, data) in members {
        zip.start_file(*name, stored).unwrap();
        zip.write_all(data).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Where the first member's data lies: after a local header of 30 bytes, its name and its extra field.
fn first_member(archive: &[u8]) -> std::ops::Range<usize> {
    let short = |at: usize| usize::from(u16::from_le_bytes([archive[at], archive[at + 1]]));
    let start = 30 + short(26) + short(28);
    let size = u32::from_le_bytes(archive[18..22].try_into().unwrap()) as usize;
    start..start + size
}

/// Bytes of the pickle, which is the first member.
pub fn pickle_length(archive: &[u8]) -> usize {
    first_member(archive).len()
}

/// Makes the checksum of the pickle fit its changed bytes.
pub fn repair_checksum(archive: &mut [u8]) {
    let Some(directory) = archive.windows(4).position(|w| w == b"PK\x01\x02") else {
        return;
    };
    let range = first_member(archive);
    let mut crc = u32::MAX;
    for byte in &archive[range] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    let crc = (!crc).to_le_bytes();
    archive[14..18].copy_from_slice(&crc);
    archive[directory + 16..directory + 20].copy_from_slice(&crc);
}
