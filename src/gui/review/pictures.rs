//! Small pictures of frames, for the list of segments and for the strip above the timeline.

use std::collections::HashMap;

use eframe::egui::{ColorImage, Context, TextureHandle, TextureOptions};

use crate::analysis::BoxPx;
use crate::review::Model;
use crate::review::session::Thumbnail;

/// Pictures that are kept; the one that was not drawn for longest goes first.
const MOST: usize = 400;

/// A frame of which a picture is wanted, and the box of a face to cut it around.
pub type Wish = (usize, Option<BoxPx>);

/// The pictures that have come.
#[derive(Default)]
pub struct Pictures {
    kept: HashMap<usize, Kept>,
    /// Counts pictures drawn and taken.
    tick: u64,
    /// What was missing when pictures were asked for last.
    asked: Vec<usize>,
}

struct Kept {
    texture: TextureHandle,
    /// When it was drawn last.
    used: u64,
}

impl Pictures {
    /// Takes small pictures.
    pub fn take(&mut self, ctx: &Context, pictures: Vec<Thumbnail>) {
        for picture in pictures {
            let size = [picture.width_px, picture.height_px];
            if picture.rgb.len() != size[0] * size[1] * 3 {
                continue;
            }
            if self.kept.len() >= MOST
                && let Some(oldest) = self.kept.iter().min_by_key(|k| k.1.used).map(|k| *k.0)
            {
                self.kept.remove(&oldest);
            }
            let image = ColorImage::from_rgb(size, &picture.rgb);
            let texture = ctx.load_texture("thumbnail", image, TextureOptions::LINEAR);
            self.tick += 1;
            let used = self.tick;
            self.kept.insert(picture.frame, Kept { texture, used });
        }
    }

    /// That of a frame, to be drawn.
    pub fn get(&mut self, frame: usize) -> Option<&TextureHandle> {
        let kept = self.kept.get_mut(&frame)?;
        self.tick += 1;
        kept.used = self.tick;
        Some(&kept.texture)
    }

    /// Of the frames that are to be drawn those that are missing, cut around the face that the model has there; `None` when
    /// they were asked for already, or nothing is missing.
    pub fn missing(
        &mut self,
        frames: impl Iterator<Item = usize>,
        model: Option<&Model>,
    ) -> Option<Vec<Wish>> {
        let mut missing: Vec<usize> = frames.filter(|f| !self.kept.contains_key(f)).collect();
        missing.sort_unstable();
        missing.dedup();
        missing.truncate(MOST);
        // Those that have come meanwhile need no new order.
        if missing.iter().all(|f| self.asked.binary_search(f).is_ok()) {
            return None;
        }
        self.asked.clone_from(&missing);
        let face = |frame| model.and_then(|m| m.at(frame)).and_then(|r| r.box_px);
        Some(missing.into_iter().map(|f| (f, face(f))).collect())
    }

    /// They are to be cut anew, or are of something else.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
