//! A place for one value between two threads.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Holds at most one value. A camera puts (the newest wins, the older is counted); a file offers (and
/// waits until the last one is taken).
#[derive(Debug)]
pub struct Slot<T> {
    value: Mutex<Option<T>>,
    changed: Condvar,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            value: Mutex::new(None),
            changed: Condvar::new(),
        }
    }
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        // Nothing is left half done under the lock, so that a panic elsewhere spoils nothing.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what is made of the value that nobody has taken yet, if there is one: the newest wins, and takes along
    /// what must be known of the older.
    pub fn put(&self, make: impl FnOnce(Option<T>) -> T) {
        let mut held = self.lock();
        let old = held.take();
        *held = Some(make(old));
        drop(held);
        self.changed.notify_all();
    }

    /// Puts a value when there is room within the time; else gives it back.
    ///
    /// # Errors
    /// The value itself.
    pub fn offer(&self, value: T, patience: Duration) -> Result<(), T> {
        let end = Instant::now() + patience;
        let mut held = self.lock();
        while held.is_some() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(value);
            }
            held = match self.changed.wait_timeout(held, left) {
                Ok((held, _)) => held,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        *held = Some(value);
        drop(held);
        self.changed.notify_all();
        Ok(())
    }

    /// Whether a value waits to be taken.
    pub fn is_full(&self) -> bool {
        self.lock().is_some()
    }

    /// Takes the value, waiting for one up to this long.
    pub fn take(&self, patience: Duration) -> Option<T> {
        let end = Instant::now() + patience;
        let mut held = self.lock();
        loop {
            if let Some(value) = held.take() {
                drop(held);
                self.changed.notify_all();
                return Some(value);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            held = match self.changed.wait_timeout(held, left) {
                Ok((held, _)) => held,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wins_and_knows_the_older() {
        let slot = Slot::default();
        slot.put(|old: Option<Vec<i32>>| {
            assert_eq!(old, None);
            vec![1]
        });
        slot.put(|old| [old.unwrap_or_default(), vec![2]].concat());
        assert_eq!(slot.take(Duration::ZERO), Some(vec![1, 2]));
        assert_eq!(slot.take(Duration::ZERO), None);
    }

    #[test]
    fn an_offer_waits_for_room_and_loses_nothing() {
        let slot = Slot::default();
        assert_eq!(slot.offer(1, Duration::ZERO), Ok(()));
        assert_eq!(slot.offer(2, Duration::from_millis(5)), Err(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in 2..100 {
                    assert_eq!(slot.offer(i, Duration::from_secs(10)), Ok(()));
                }
            });
            for i in 1..100 {
                assert_eq!(slot.take(Duration::from_secs(10)), Some(i));
            }
        });
    }
}
