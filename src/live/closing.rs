//! What may take its time to end: a journal that waits for the disk, a decoder, an analysis. The window does not wait for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::spawn;

/// Threads in which something ends. Whoever ends the program waits for them.
#[derive(Debug, Clone, Default)]
pub struct Closing(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Closing {
    /// Ends something on a thread of its own; here, where the system has none to give.
    pub fn end<T: Send + 'static>(&self, what: T) {
        if let Ok(thread) = spawn("closing", move || drop(what)) {
            let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            threads.retain(|t| !t.is_finished());
            threads.push(thread);
        }
    }

    /// Waits until everything has ended.
    pub fn wait(&self) {
        let threads = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the bench panicked at its end");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    struct Slow(Arc<AtomicUsize>);

    impl Drop for Slow {
        fn drop(&mut self) {
            std::thread::sleep(Duration::from_millis(100));
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn nobody_waits_before_the_end_and_nothing_is_left_then() {
        let (closing, ended) = (Closing::default(), Arc::<AtomicUsize>::default());
        let begun = Instant::now();
        for _ in 0..3 {
            closing.end(Slow(ended.clone()));
        }
        assert!(begun.elapsed() < Duration::from_millis(90));
        closing.wait();
        assert_eq!(ended.load(Ordering::SeqCst), 3);
    }
}
