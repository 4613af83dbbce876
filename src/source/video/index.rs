//! Which frames there are in a video: their time stamps in the order of showing, and where decoding may begin.
//!
//! The definition is what [`super::VideoSource`] gives, from the first frame to the last. Two ways to know it:
//!
//! - by the packets of the file, without decoding: seconds for an hour. Taken at its word only where a packet is a frame by
//!   the rules of the format, each has a stamp of its own, and nobody complained ([`by_packets`]);
//! - by decoding all of it, without colours and without pipes ([`by_decoding`]): right by definition.

use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use std::process::Stdio;

use super::as_url;
use super::decoder::{
    Complaints, Ending, EveryFrame, TICKS_PER_S, end, parse_stamp, read_line, seconds,
};
use super::probe::{Probe, spawn_error};
use super::{Programs, Times};
use crate::source::SourceError;

/// Told how far it is, 0..=1; says whether to go on.
pub(in crate::source) type Watch<'a> = &'a mut dyn FnMut(f64) -> bool;

/// Codecs of which a packet in an mp4, mov, mkv or webm file is one frame. Not here: VP8, whose hidden frames have
/// packets of their own; MPEG-4, whose packets may be empty or hold two frames.
const FRAME_A_PACKET: [&str; 9] = [
    "h264", "hevc", "vp9", "av1", "mjpeg", "prores", "dnxhd", "ffv1", "png",
];

/// Lines of packets between two looks at the clock of whoever waits.
const WATCHED_EVERY: usize = 256;

/// The frames of a video in the order of showing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Index {
    /// Time stamps since the container's start; `None` for a frame that has none.
    pub ticks: Vec<Option<i64>>,
    /// Their times in seconds, as [`super::VideoSource`] gives them.
    pub times_s: Vec<f64>,
    /// Frames that need none before them, and of which every later one is right; rising. Only frames whose stamp is
    /// theirs alone.
    pub keys: Vec<usize>,
    /// Found by decoding.
    pub counted: bool,
}

impl Index {
    fn new(frames: &[(Option<i64>, bool)], rate_hz: Option<f64>, counted: bool) -> Self {
        let mut times = Times::new(rate_hz);
        let ticks: Vec<_> = frames.iter().map(|(ticks, _)| *ticks).collect();
        let times_s = ticks.iter().map(|ticks| times.next_s(*ticks)).collect();
        // A stamp tells a frame from all others where it is more than all before and less than all behind.
        let mut own = vec![false; frames.len()];
        let mut most = i64::MIN;
        for (index, ticks) in ticks.iter().enumerate() {
            if let Some(ticks) = *ticks {
                own[index] = ticks > most || index == 0;
                most = most.max(ticks);
            }
        }
        let mut least = i64::MAX;
        for (index, ticks) in ticks.iter().enumerate().rev() {
            if let Some(ticks) = *ticks {
                own[index] &= ticks < least;
                least = least.min(ticks);
            }
        }
        let keys = (0..frames.len())
            .filter(|&index| frames[index].1 && own[index])
            .collect();
        Self {
            ticks,
            times_s,
            keys,
            counted,
        }
    }

    /// Frames.
    pub fn len(&self) -> usize {
        self.ticks.len()
    }

    /// The last frame at or before this one at which decoding may begin; `None`: only at the start.
    pub fn key(&self, index: usize) -> Option<usize> {
        let after = self.keys.partition_point(|&key| key <= index);
        self.keys[..after].last().copied()
    }
}

/// A call that `watch` ended.
pub(super) fn stopped() -> SourceError {
    SourceError::Failed("Looking for the video's frames was stopped. Open it again.".to_owned())
}

/// The index by the file's packets; `None` where they are not to be trusted.
///
/// Trusted are codecs that put one frame in a packet, in mp4, mov, mkv or webm, not interlaced (there two packets may
/// make a frame), where each packet has a stamp of its own, none is shown before the first that can be decoded, and
/// ffprobe found nothing to complain about. Whoever decodes compares what comes with it: see `reel.rs`.
///
/// # Errors
/// When `ffprobe` cannot be run, and when `watch` said to stop.
pub(super) fn by_packets(
    path: &Path,
    probe: &Probe,
    programs: &Programs,
    watch: Watch<'_>,
) -> Result<Option<Index>, SourceError> {
    let container = ["mp4", "matroska"]
        .iter()
        .any(|name| probe.container.contains(name));
    let codec = probe.codec.as_deref().unwrap_or_default();
    if !container || !FRAME_A_PACKET.contains(&codec) {
        return Ok(None);
    }
    // What it complains about goes to a file: nobody has to read it meanwhile.
    let Ok(mut words) = tempfile::tempfile() else {
        return Ok(None);
    };
    let Ok(words_in) = words.try_clone() else {
        return Ok(None);
    };
    let mut child = super::command(&programs.ffprobe)
        .args(["-v", "error", "-protocol_whitelist", "file"])
        .args(["-select_streams", &probe.stream.to_string()])
        .args([
            "-show_entries",
            "packet=pts,flags:stream=time_base,field_order:format=start_time",
        ])
        .args(["-of", "compact", "-i"])
        .arg(as_url(path))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(words_in)
        .spawn()
        .map_err(|error| spawn_error(&error, "ffprobe"))?;
    let mut packets = Packets::default();
    let mut going = true;
    if let Some(out) = child.stdout.take() {
        let mut lines = BufReader::new(out);
        let mut line = Vec::new();
        let wanted = probe.expected_frames();
        while going && let Ok(true) = read_line(&mut lines, &mut line) {
            packets.take(&String::from_utf8_lossy(&line));
            if packets.frames.len() % WATCHED_EVERY == 1 {
                going = watch(part(packets.frames.len(), wanted));
            }
        }
    }
    if !going {
        end(&mut child);
        return Err(stopped());
    }
    let fine = child.wait().is_ok_and(|status| status.success());
    let silent = words.seek(SeekFrom::End(0)).is_ok_and(|bytes| bytes == 0);
    let frames = if fine && silent {
        packets.trusted()
    } else {
        None
    };
    Ok(frames.map(|frames| Index::new(&frames, probe.rate_hz, false)))
}

fn part(done: usize, wanted: Option<u64>) -> f64 {
    wanted.map_or(0.0, |wanted| (done as f64 / wanted as f64).min(1.0))
}

/// What ffprobe says of the packets.
#[derive(Debug, Default)]
struct Packets {
    /// Stamp and whether decoding can begin there, of each packet that is shown, in the order of the file.
    frames: Vec<(i64, bool)>,
    time_base: Option<(i64, i64)>,
    /// Microseconds.
    start_us: i64,
    /// A packet without a stamp, damaged, or of half a frame.
    odd: bool,
    /// The first packet of all, shown or not, begins a group.
    begins: Option<bool>,
}

impl Packets {
    fn take(&mut self, line: &str) {
        let mut words = line.trim_end().split('|');
        let kind = words.next().unwrap_or_default();
        let (mut pts, mut flags) = (None, "");
        for (name, value) in words.filter_map(|word| word.split_once('=')) {
            match (kind, name) {
                ("packet", "pts") => pts = value.parse().ok(),
                ("packet", "flags") => flags = value,
                ("stream", "time_base") => {
                    self.time_base = value
                        .split_once('/')
                        .and_then(|(num, den)| Some((num.parse().ok()?, den.parse().ok()?)));
                }
                ("stream", "field_order") => {
                    self.odd |= !["progressive", "unknown"].contains(&value);
                }
                ("format", "start_time") => self.start_us = microseconds(value),
                _ => {}
            }
        }
        if kind == "packet" {
            let key = flags.starts_with('K');
            self.begins.get_or_insert(key);
            self.odd |= flags.contains('C');
            // An edit list hides some: they are decoded and not shown.
            if !flags.contains('D') {
                match pts {
                    Some(pts) => self.frames.push((pts, key)),
                    None => self.odd = true,
                }
            }
        }
    }

    /// Stamps in the order of showing and whether decoding can begin there, where there is no doubt.
    fn trusted(mut self) -> Option<Vec<(Option<i64>, bool)>> {
        let (num, den) = self
            .time_base
            .filter(|(num, den)| *num > 0 && *den > 0)
            .filter(|_| !self.odd && self.begins == Some(true))?;
        let first = self.frames.first()?.0;
        self.frames.sort_unstable_by_key(|(pts, _)| *pts);
        let twice = self.frames.windows(2).any(|pair| pair[0].0 == pair[1].0);
        if twice || self.frames.first()?.0 < first {
            return None;
        }
        // As ffmpeg shifts them: to the container's start, in the stream's own unit.
        let shift = rescale(-self.start_us, (1, 1_000_000), (num, den));
        let frames = self.frames.into_iter().map(|(pts, key)| {
            let ticks = rescale(pts + shift, (num, den), (1, i64::from(TICKS_PER_S)));
            (Some(ticks), key)
        });
        Some(frames.collect())
    }
}

/// `1.400000` as microseconds, without rounding; 0 for what is no number.
fn microseconds(text: &str) -> i64 {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = rest.chars().chain("000000".chars()).take(6).collect();
    let us = whole
        .parse::<i64>()
        .ok()
        .zip(digits.parse::<i64>().ok())
        .map_or(0, |(whole, part)| whole.saturating_mul(1_000_000) + part);
    if negative { -us } else { us }
}

/// A number of units as a number of other units, to the nearest, halves away from zero: as ffmpeg rounds.
fn rescale(value: i64, from: (i64, i64), to: (i64, i64)) -> i64 {
    let above = i128::from(value) * i128::from(from.0) * i128::from(to.1);
    let below = i128::from(from.1) * i128::from(to.0);
    let rounded = (above.abs() + below / 2) / below;
    (rounded * above.signum()) as i64
}

/// The index by decoding all of the video, and how that ended. `threads`: how many ffmpeg may take; `None`: what it likes.
///
/// # Errors
/// When `ffmpeg` cannot be run, and when `watch` said to stop.
pub(super) fn by_decoding(
    path: &Path,
    probe: &Probe,
    programs: &Programs,
    every_frame: EveryFrame,
    threads: Option<usize>,
    watch: Watch<'_>,
) -> Result<(Index, Ending), SourceError> {
    // Each frame prints its stamp; those that need none before them print it once more.
    let printing = |key: &str| {
        format!(
            "metadata=mode=add:key={key}:value=1,metadata=mode=print:key={key}:file='pipe\\:2':direct=1"
        )
    };
    let filters = format!(
        "settb=1/{TICKS_PER_S},{},select=key,{}",
        printing("affectscope"),
        printing("affectscope_key")
    );
    let mut command = super::command(&programs.ffmpeg);
    command
        .args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "error"])
        .args(["-protocol_whitelist", "file"]);
    if let Some(threads) = threads {
        command.args(["-threads", &threads.to_string()]);
    }
    let mut child = command
        .arg("-i")
        .arg(as_url(path))
        .args(["-map", &format!("0:{}", probe.stream)])
        .args(["-vf", &filters])
        .args(every_frame.arguments())
        .args(["-f", "null", "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| spawn_error(&error, "ffmpeg"))?;
    let mut counted = Counted::default();
    let mut complaints = Complaints::default();
    let mut going = true;
    if let Some(words) = child.stderr.take() {
        let mut words = BufReader::new(words);
        going = count(&mut words, &mut counted, &mut complaints, probe, watch);
    }
    if !going {
        end(&mut child);
        return Err(stopped());
    }
    let success = child.wait().is_ok_and(|status| status.success());
    let ending = Ending {
        success,
        complaints,
    };
    Ok((Index::new(&counted.frames, probe.rate_hz, true), ending))
}

/// What ffmpeg printed of the frames so far.
#[derive(Debug, Default)]
struct Counted {
    frames: Vec<(Option<i64>, bool)>,
    stamp: Option<Option<i64>>,
}

/// Reads what ffmpeg prints to its end; false when `watch` said to stop.
fn count(
    words: &mut impl BufRead,
    counted: &mut Counted,
    complaints: &mut Complaints,
    probe: &Probe,
    watch: Watch<'_>,
) -> bool {
    let wanted = probe.expected_frames();
    let mut line = Vec::new();
    while let Ok(true) = read_line(words, &mut line) {
        let text = String::from_utf8_lossy(&line);
        if let Some(stamp) = parse_stamp(&text) {
            counted.stamp = Some(stamp);
            // The look-out is for a long silence, too: one call a frame costs nothing beside decoding it.
            if !watch(part(counted.frames.len(), wanted)) {
                return false;
            }
        } else if text.trim_end().ends_with("affectscope=1") {
            if let Some(stamp) = counted.stamp.take() {
                counted.frames.push((stamp, false));
            }
        } else if text.trim_end().ends_with("affectscope_key=1") {
            if let Some(last) = counted.frames.last_mut() {
                last.1 = true;
            }
        } else {
            complaints.note(&text);
        }
    }
    true
}

/// Where to seek for a frame to begin with: between it and the next, so that no rounding loses it.
pub(super) fn seek_s(index: &Index, key: usize) -> f64 {
    let at = index.ticks[key].map_or(index.times_s[key], seconds);
    let next_s = index.times_s.get(key + 1).copied().unwrap_or(f64::MAX);
    at + ((next_s - at) / 2.0).clamp(0.0, 0.005)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
