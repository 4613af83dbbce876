//! The list of cameras, looked up on a thread of its own.

use super::Shared;
use crate::source::camera::CameraInfo;

/// Cameras are looked up at most this often.
const LIST_EVERY_S: f64 = 2.0;

impl Shared {
    pub fn may_list_cameras(&self) -> bool {
        let now_s = self.clock.now_s();
        let mut inner = self.lock();
        let due = inner
            .cameras_asked_s
            .is_none_or(|s| now_s - s > LIST_EVERY_S);
        if inner.listing || !due {
            return false;
        }
        inner.listing = true;
        inner.cameras_asked_s = Some(now_s);
        true
    }

    pub fn list_cameras(&self) {
        let found = crate::source::camera::list();
        let mut inner = self.lock();
        inner.listing = false;
        match found {
            Ok(cameras) => inner.cameras = cameras,
            Err(e) => tracing::warn!("{e}"),
        }
        drop(inner);
        (self.wake)();
    }

    pub fn known_cameras(&self) -> Vec<CameraInfo> {
        self.lock().cameras.clone()
    }
}
