//! A gamepad whose left stick rates valence and arousal: a thread that looks at it sixty times a second, as long as somebody
//! rates.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Wake, spawn};
use crate::review::rating::Stick;

/// How often the stick is looked at.
const EVERY: Duration = Duration::from_millis(16);
/// How often a gamepad is looked for while there is none.
const SEARCH_EVERY: Duration = Duration::from_secs(1);

/// The thread's handle. Dropped, it ends.
pub struct Pad {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stick: Mutex<Option<Stick>>,
    stop: AtomicBool,
}

impl Pad {
    /// Begins to look; `None` when the system has no thread to give, which is logged.
    pub fn start(wake: Wake) -> Option<Self> {
        let shared = Arc::<Shared>::default();
        let theirs = shared.clone();
        match spawn("gamepad", move || watch(&theirs, &wake)) {
            Ok(_) => Some(Self { shared }),
            Err(e) => {
                tracing::warn!("{e}");
                None
            }
        }
    }

    /// How the stick stands; `None` without a gamepad. Never waits for a device.
    pub fn stick(&self) -> Option<Stick> {
        let stick = self.shared.stick.lock();
        stick.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Pad {
    fn drop(&mut self) {
        // Not joined: a driver may be at work, and its end is of no interest.
        self.shared.stop.store(true, Ordering::SeqCst);
    }
}

fn watch(shared: &Shared, wake: &Wake) {
    let mut pads = device::Pads::default();
    let mut searched: Option<Instant> = None;
    while !shared.stop.load(Ordering::SeqCst) {
        let mut now = pads.look();
        if now.is_none() && searched.is_none_or(|s| s.elapsed() >= SEARCH_EVERY) {
            searched = Some(Instant::now());
            pads.search();
            now = pads.look();
        }
        let mut stick = shared.stick.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = *stick != now;
        *stick = now;
        drop(stick);
        if changed {
            wake();
        }
        std::thread::sleep(EVERY);
    }
}

/// Linux: the kernel's event devices, which need no library. Their state is asked for, so that no event can be missed.
#[cfg(target_os = "linux")]
mod device {
    use evdev::{AbsoluteAxisCode, Device, KeyCode};

    use crate::review::rating::Stick;

    /// The first gamepad that was found.
    #[derive(Default)]
    pub struct Pads {
        found: Option<Device>,
    }

    impl Pads {
        /// Looks for a gamepad among the devices that this user may read.
        pub fn search(&mut self) {
            let is_pad = |device: &Device| {
                let stick = device.supported_absolute_axes().is_some_and(|axes| {
                    axes.contains(AbsoluteAxisCode::ABS_X) && axes.contains(AbsoluteAxisCode::ABS_Y)
                });
                let buttons = device.supported_keys().is_some_and(|keys| {
                    keys.contains(KeyCode::BTN_SOUTH) || keys.contains(KeyCode::BTN_TRIGGER)
                });
                stick && buttons
            };
            let mut devices = evdev::enumerate().map(|(_, device)| device);
            self.found = devices.find(is_pad);
        }

        /// How it stands; `None` without one, or when it was unplugged.
        pub fn look(&mut self) -> Option<Stick> {
            let device = self.found.as_ref()?;
            let (Ok(axes), Ok(keys)) = (device.get_abs_state(), device.get_key_state()) else {
                self.found = None;
                return None;
            };
            let axis = |code: AbsoluteAxisCode| {
                let axis = axes.get(usize::from(code.0))?;
                Some(Stick::part(axis.value, axis.minimum, axis.maximum))
            };
            let (x, y) = (
                axis(AbsoluteAxisCode::ABS_X)?,
                axis(AbsoluteAxisCode::ABS_Y)?,
            );
            let pressed = |codes: [KeyCode; 2]| codes.iter().any(|c| keys.contains(*c));
            Some(Stick {
                name: device.name().unwrap_or("gamepad").to_owned(),
                // The kernel's axis points down.
                at: [x, -y],
                play: pressed([KeyCode::BTN_SOUTH, KeyCode::BTN_TRIGGER]),
                end: pressed([KeyCode::BTN_EAST, KeyCode::BTN_THUMB]),
            })
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod device {
    use gilrs::{Axis, Button, Gilrs};

    use crate::review::rating::Stick;

    /// All gamepads of the system.
    #[derive(Default)]
    pub struct Pads {
        all: Option<Gilrs>,
    }

    impl Pads {
        /// Connects to the system's gamepads, once.
        pub fn search(&mut self) {
            if self.all.is_none() {
                match Gilrs::new() {
                    Ok(all) => self.all = Some(all),
                    Err(e) => tracing::debug!("no gamepads: {e}"),
                }
            }
        }

        /// How the first one stands; `None` without one.
        pub fn look(&mut self) -> Option<Stick> {
            let all = self.all.as_mut()?;
            while all.next_event().is_some() {}
            let (_, pad) = all.gamepads().next()?;
            Some(Stick {
                name: pad.name().to_owned(),
                at: [pad.value(Axis::LeftStickX), pad.value(Axis::LeftStickY)],
                play: pad.is_pressed(Button::South),
                end: pad.is_pressed(Button::East),
            })
        }
    }
}
