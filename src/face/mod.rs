//! From a picture to aligned faces with stable ids: detect, landmarks, align, track.

pub mod align;
pub mod detect;
pub mod finder;
pub mod gray;
pub mod landmarks;
pub mod track;
