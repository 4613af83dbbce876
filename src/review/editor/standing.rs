//! How far somebody's labels are from what was saved.

/// How far from what was saved.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standing {
    /// Steps made and not taken back.
    pub(super) depth: usize,
    /// What was saved last.
    pub(super) saved: Point,
    /// What is being saved.
    pub(super) saving: Option<Point>,
}

/// A moment of the history.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Point {
    /// So many steps are common to it and the history as it stands ...
    pub(super) common: usize,
    /// ... and it has so many more that are no longer to be had.
    pub(super) lost: usize,
}

impl Standing {
    pub(super) fn now(&self) -> Point {
        Point {
            common: self.depth,
            lost: 0,
        }
    }

    /// Steps from there to here.
    pub(super) fn since(&self, point: Point) -> usize {
        self.depth.abs_diff(point.common) + point.lost
    }

    /// The last step has become longer.
    pub(super) fn outgrow(&mut self) {
        self.fork();
        let depth = self.depth;
        for point in std::iter::once(&mut self.saved).chain(&mut self.saving) {
            if (point.common, point.lost) == (depth, 0) {
                *point = Point {
                    common: depth.saturating_sub(1),
                    lost: 1,
                };
            }
        }
    }

    /// What has been taken back is gone.
    pub(super) fn fork(&mut self) {
        let depth = self.depth;
        for point in std::iter::once(&mut self.saved).chain(&mut self.saving) {
            point.lost += point.common.saturating_sub(depth);
            point.common = point.common.min(depth);
        }
    }
}
