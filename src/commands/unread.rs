//! What cannot be read on the way, and does not end it: told, counted, and told again by the exit code.

use super::progress::Progress;
use super::{Failure, say};

/// More are not told one by one.
const SHOWN: u64 = 20;

/// What could not be read so far.
#[derive(Debug, Default)]
pub(super) struct Unread(u64);

impl Unread {
    /// Tells one, above the progress where there is any.
    pub fn tell(&mut self, what: &str, progress: Option<&Progress>) {
        self.say(&format!("left out: {what}"), progress);
    }

    /// Tells of one that is not there, of a database that may well lack some: no reason for another exit code.
    pub fn tell_missing(&mut self, what: &str, progress: Option<&Progress>) {
        self.say(&format!("note: {what}: the picture is not there"), progress);
    }

    fn say(&mut self, text: &str, progress: Option<&Progress>) {
        self.0 += 1;
        match progress {
            _ if self.0 > SHOWN => {}
            Some(progress) => progress.say(text),
            None => say(text),
        }
    }

    /// Tells how many were not told one by one.
    pub fn tell_rest(&self) {
        match self.0.saturating_sub(SHOWN) {
            0 => {}
            more => say(&format!("... and {more} more")),
        }
    }

    /// Whether any was told.
    pub fn any(&self) -> bool {
        self.0 > 0
    }

    /// After the work on pictures.
    ///
    /// # Errors
    /// When there were any.
    pub fn end(self) -> Result<(), Failure> {
        self.tell_rest();
        match self.0 {
            0 => Ok(()),
            n => Err(Failure::bad_input(format!(
                "{n} {} could not be read; the lines above say which{}, and all else is without {}",
                if n == 1 { "picture" } else { "pictures" },
                if n > SHOWN { " the first are" } else { "" },
                if n == 1 { "it" } else { "them" }
            ))),
        }
    }
}
