//! From a picture to aligned faces with stable ids: detect, landmarks, align, track.

pub mod align;
pub mod carry;
mod changes;
pub mod cropped;
pub mod detect;
pub mod finder;
pub mod gray;
pub mod landmarks;
pub(crate) mod resample;
mod search;
pub mod track;
