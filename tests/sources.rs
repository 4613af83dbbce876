//! Frame sources on made clips and pictures. Needs `ffmpeg` and `ffprobe`, as the program does.

#![allow(clippy::unwrap_used)]

mod broken_videos;
mod camera;
mod clips;
mod demo;
mod films;
mod images;
mod videos;
mod viewer;

pub use self::clips::{ffmpeg, number_in, numbered, read};

use affectscope::frame::Frame;
use affectscope::source::{FrameSource, Next, SourceError};

/// What a source gave, to its end.
pub struct Given {
    pub frames: Vec<Frame>,
    /// Index and reason.
    unreadable: Vec<(u64, String)>,
    note: Option<String>,
}

fn read_all(source: &mut dyn FrameSource) -> Given {
    let mut given = Given {
        frames: Vec::new(),
        unreadable: Vec::new(),
        note: None,
    };
    loop {
        match source.next().unwrap() {
            Next::Frame(frame) => given.frames.push(frame),
            Next::Missing { .. } => panic!("nothing is missing here"),
            Next::Unreadable { stamp, reason, .. } => given.unreadable.push((stamp.index, reason)),
            Next::End { note } => {
                given.note = note;
                // An ended source stays ended.
                assert!(matches!(source.next(), Ok(Next::End { note: None })));
                return given;
            }
        }
    }
}

/// Every text ends with what to do, in one piece.
fn is_a_sentence(error: &SourceError) {
    let text = error.to_string();
    assert!(text.ends_with('.'), "{text}");
    assert!(!text.contains('\n'), "{text}");
}
