//! The shape of a network, as written in its weights file's own metadata under `config`.

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, Offsets, Temperatures};
use crate::labels::Expression;

/// Bins of each of the two affect dimensions (paper, section 3.2: 20 equal bins of [-1, 1]).
pub const AFFECT_BINS: usize = 20;
/// What a batch norm consists of.
const NORM: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];
/// The side of the aligned crop in pixels; the alignment template is made for it.
pub const CROP_SIDE_PX: usize = 112;

/// Side of the output of a max pool 3x3 step 2 in ceil mode, without padding: a window must begin inside the picture.
pub fn pooled_side(side: usize) -> usize {
    side.saturating_sub(3).div_ceil(2) + 1
}

/// The colour model of a network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// One channel: 0.299 R + 0.587 G + 0.114 B.
    #[serde(alias = "grey")]
    Gray,
    /// Three channels, R G B.
    Rgb,
}

impl Color {
    /// As configs have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Rgb => "rgb",
        }
    }

    /// 1 or 3.
    pub fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}

/// What is taken off each channel: one number for all, or one each.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Mean {
    /// The same for every channel.
    One(f32),
    /// In the order of the channels.
    PerChannel(Vec<f32>),
}

/// The backbone: a bottleneck ResNet in the Caffe layout.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct BackboneConfig {
    /// Channels, height, width of the input.
    pub input: [usize; 3],
    /// Its colour model.
    pub color: Color,
    /// Taken off each pixel value 0..=255.
    pub mean: Mean,
    /// What the difference is divided by.
    pub scale: f32,
    /// Channels of the 7x7 stem.
    pub stem: usize,
    /// Bottleneck width of each of the four stages.
    pub widths: [usize; 4],
    /// Blocks in each stage.
    pub blocks: [usize; 4],
    /// Output channels of a block over its width.
    pub expansion: usize,
}

impl BackboneConfig {
    /// Length of the pooled feature vector.
    pub fn pooled(&self) -> usize {
        self.widths[3] * self.expansion
    }

    /// Where activations may be bytes: after the pool and after each convolution of the blocks.
    pub fn points(&self) -> usize {
        1 + 3 * self.blocks.iter().sum::<usize>()
    }

    /// Products of a face: how much work it is.
    pub fn multiply_adds(&self) -> usize {
        let [channels, height, width] = self.input;
        let mut side = height.max(width).div_ceil(2);
        let mut total = side * side * 49 * channels * self.stem;
        side = pooled_side(side);
        let mut from = self.stem;
        for (stage, (&narrow, &count)) in self.widths.iter().zip(&self.blocks).enumerate() {
            let wide = narrow * self.expansion;
            if stage > 0 {
                side = side.div_ceil(2);
            }
            let pixels = side * side;
            total += pixels * from * wide;
            for _ in 0..count {
                total += pixels * (from * narrow + 9 * narrow * narrow + narrow * wide);
                from = wide;
            }
        }
        total
    }

    /// Threads that it is worth on this machine. Measured live, beside a window drawn in software, on two cores: a
    /// second thread leaves the latency of the built-in network (0.15 G) as it is and costs a tenth of a core; it takes
    /// a tenth off a ResNet-50's (1 G).
    pub fn threads(&self) -> usize {
        const WORTH_TWO: usize = 500_000_000;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if self.multiply_adds() > WORTH_TWO {
            cores.min(2)
        } else {
            1
        }
    }

    /// The mean of each channel.
    pub fn means(&self) -> Vec<f32> {
        match &self.mean {
            Mean::One(mean) => vec![*mean; self.input[0]],
            Mean::PerChannel(means) => means.clone(),
        }
    }
}

/// The two heads.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct HeadsConfig {
    /// Length of each head's feature vector (128).
    pub hidden: usize,
    /// Expression logits (7).
    pub expression: usize,
    /// Affect logits (40): valence bins, then arousal bins.
    pub affect: usize,
}

/// The recurrent layers; absent in a CNN alone.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct TemporalConfig {
    /// `gru`.
    pub cell: String,
    /// Units in each direction (64).
    pub hidden: usize,
    /// Always true here.
    pub bidirectional: bool,
    /// Frames in a window (32).
    pub window: usize,
    /// The rate it was trained at.
    pub rate_hz: f64,
}

/// What running in 8 bits needs, and what it costs (`affectscope quantize`).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Int8Config {
    /// What one of a byte is worth after the pool and after each convolution of the blocks, in their order.
    pub units: Vec<f32>,
    /// How it was calibrated, and how far it was from f32 there, in words.
    pub measured: String,
}

/// A student network.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct StudentConfig {
    /// `student`.
    pub kind: String,
    /// The backbone.
    pub backbone: BackboneConfig,
    /// The heads.
    pub heads: HeadsConfig,
    /// The recurrent layers, if it has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporal: Option<TemporalConfig>,
    /// The side to which a 112x112 crop is enlarged before its centre of 112x112 is cut out, pixels: 134 for the
    /// reference's networks. Without it crops are taken whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<usize>,
    /// What running in 8 bits needs, where it was calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8: Option<Int8Config>,
    /// What makes its probabilities mean what they say; see [`Temperatures`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperatures: Option<Temperatures>,
    /// Likewise for how often it says which expression; see [`Offsets`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offsets: Option<Offsets>,
    /// Where the weights came from: the file they were converted from.
    #[serde(default)]
    pub origin: String,
    /// What it was trained on.
    #[serde(default)]
    pub trained_on: String,
    /// Where its valence and arousal labels came from.
    #[serde(default)]
    pub affect_labels: String,
    /// Under which terms the weights may be used.
    #[serde(default)]
    pub licence: String,
    /// Validation scores as `what: score`.
    #[serde(default)]
    pub scores: std::collections::BTreeMap<String, String>,
    /// Where it is weak, likewise (`affectscope train eval`).
    #[serde(default)]
    pub weak_spots: std::collections::BTreeMap<String, String>,
}

impl StudentConfig {
    /// Reads and checks a config.
    ///
    /// # Errors
    /// A sentence on what is wrong with it.
    pub fn parse(json: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Kind {
            kind: Option<String>,
        }
        let other = serde_json::from_str(json).ok().and_then(|of: Kind| of.kind);
        if let Some(kind) = other.filter(|kind| kind != "student") {
            return Err(format!("its config is of another network, `{kind}`"));
        }
        let config: Self = serde_json::from_str(json).map_err(|e| format!("its config: {e}"))?;
        config.check()?;
        Ok(config)
    }

    /// The side that a crop is resized to before its centre is cut out, pixels: 112 takes it whole.
    pub fn resize_px(&self) -> usize {
        self.resize.unwrap_or(CROP_SIDE_PX)
    }

    /// What makes the answers of the CNN, or of the recurrent heads, mean what they say.
    pub fn calibration(&self, temporal: bool) -> Calibration {
        Calibration {
            temperatures: self.temperatures.unwrap_or_default().of(temporal),
            offsets: self.offsets.unwrap_or_default().of(temporal),
        }
    }

    /// Every tensor of such a network: its name and shape.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut all = Vec::new();
        let mut add = |name: String, shape: &[usize]| all.push((name, shape.to_vec()));
        let backbone = &self.backbone;
        let mut conv = |name: &str, from: usize, to: usize, kernel: usize| {
            add(format!("{name}.conv.weight"), &[to, from, kernel, kernel]);
            for field in NORM {
                add(format!("{name}.bn.{field}"), &[to]);
            }
        };
        conv("backbone.stem", backbone.input[0], backbone.stem, 7);
        let mut channels = backbone.stem;
        for (stage, (&width, &count)) in backbone.widths.iter().zip(&backbone.blocks).enumerate() {
            let wide = width * backbone.expansion;
            for block in 0..count {
                let name = format!("backbone.stages.{stage}.{block}");
                conv(&format!("{name}.reduce"), channels, width, 1);
                conv(&format!("{name}.spatial"), width, width, 3);
                conv(&format!("{name}.expand"), width, wide, 1);
                if block == 0 {
                    conv(&format!("{name}.project"), channels, wide, 1);
                }
                channels = wide;
            }
        }
        let (pooled, hidden) = (backbone.pooled(), self.heads.hidden);
        let outputs = [
            ("expression", self.heads.expression),
            ("affect", self.heads.affect),
        ];
        for (task, outputs) in outputs {
            for (norm, size) in [("bn0", pooled), ("bn1", hidden)] {
                for field in NORM {
                    add(format!("heads.{task}.{norm}.{field}"), &[size]);
                }
            }
            add(format!("heads.{task}.fc0.weight"), &[hidden, pooled]);
            add(format!("heads.{task}.fc0.bias"), &[hidden]);
            add(format!("heads.{task}.fc1.weight"), &[outputs, hidden]);
            add(format!("heads.{task}.fc1.bias"), &[outputs]);
            if let Some(TemporalConfig { hidden: units, .. }) = self.temporal {
                let gates = 3 * units;
                for direction in ["", "_reverse"] {
                    let gru = |part: &str| format!("temporal.{task}.gru.{part}{direction}");
                    add(gru("weight_ih"), &[gates, hidden]);
                    add(gru("weight_hh"), &[gates, units]);
                    add(gru("bias_ih"), &[gates]);
                    add(gru("bias_hh"), &[gates]);
                }
                add(format!("temporal.{task}.fc.weight"), &[outputs, 2 * units]);
                add(format!("temporal.{task}.fc.bias"), &[outputs]);
            }
        }
        all
    }

    fn check(&self) -> Result<(), String> {
        let wanted = |ok: bool, what: &str| {
            if ok {
                Ok(())
            } else {
                Err(format!("its config: {what}"))
            }
        };
        let backbone = &self.backbone;
        wanted(self.kind == "student", "`kind` must be \"student\"")?;
        wanted(
            backbone.input == [backbone.color.channels(), CROP_SIDE_PX, CROP_SIDE_PX],
            "`input` must be 112x112 with one channel for gray, three for rgb",
        )?;
        wanted(
            backbone.means().len() == backbone.input[0]
                && backbone.means().iter().all(|m| (0.0..=255.0).contains(m)),
            "`mean` must be one number of 0 to 255, or one for each channel",
        )?;
        wanted(
            (1e-3..=1e3).contains(&backbone.scale),
            "`scale` must be between 0.001 and 1000",
        )?;
        let small = |n: usize| (1..=8192).contains(&n);
        wanted(
            small(backbone.stem)
                && backbone.widths.iter().all(|&w| small(w))
                && backbone.blocks.iter().all(|b| (1..=64).contains(b))
                && (1..=16).contains(&backbone.expansion)
                // Eight times what the paper's network has: offsets within a picture's memory stay small.
                && backbone.widths.iter().all(|w| w * backbone.expansion <= 16_384)
                && backbone.stem <= 4096
                && small(self.heads.hidden),
            "a width or a number of blocks is out of range",
        )?;
        wanted(
            self.heads.expression == Expression::COUNT && self.heads.affect == 2 * AFFECT_BINS,
            "the heads must have 7 and 40 outputs",
        )?;
        wanted(
            self.resize
                .is_none_or(|side| (CROP_SIDE_PX..=4 * CROP_SIDE_PX).contains(&side)),
            "`resize` must be between 112 and 448",
        )?;
        if let Some(temperatures) = &self.temperatures {
            wanted(
                temperatures.all().iter().all(|t| (0.05..=20.0).contains(t)),
                "`temperatures` must be between 0.05 and 20",
            )?;
        }
        if let Some(offsets) = &self.offsets {
            wanted(
                [false, true]
                    .iter()
                    .all(|&temporal| offsets.of(temporal).iter().all(|o| o.abs() <= 20.0)),
                "`offsets` must be between -20 and 20",
            )?;
        }
        if let Some(int8) = &self.int8 {
            wanted(
                int8.units.len() == self.backbone.points()
                    && int8.units.iter().all(|u| u.is_finite() && *u > 0.0),
                "`int8` does not fit the network; calibrate it again with `affectscope quantize`",
            )?;
        }
        if let Some(temporal) = &self.temporal {
            wanted(
                temporal.cell == "gru" && temporal.bidirectional,
                "`temporal` must be a bidirectional gru",
            )?;
            wanted(
                small(temporal.hidden)
                    && (1..=1024).contains(&temporal.window)
                    && (1.0..=1000.0).contains(&temporal.rate_hz),
                "`temporal` is out of range",
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_of_a_face_is_what_the_papers_network_is_known_for() {
        let config = |channels, stem, widths, blocks| BackboneConfig {
            input: [channels, CROP_SIDE_PX, CROP_SIDE_PX],
            color: Color::Gray,
            mean: Mean::One(0.0),
            scale: 1.0,
            stem,
            widths,
            blocks,
            expansion: 4,
        };
        let resnet50 = config(3, 64, [64, 128, 256, 512], [3, 4, 6, 3]);
        assert_eq!(resnet50.multiply_adds(), 1_020_014_592);
        let thin = config(1, 32, [32, 64, 128, 256], [2, 2, 3, 2]);
        assert_eq!(thin.threads(), 1);
        assert!((150_000_000..155_000_000).contains(&thin.multiply_adds()));
    }
}
