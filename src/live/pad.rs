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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use evdev::uinput::VirtualDevice;
    use evdev::{
        AbsInfo, AbsoluteAxisCode, AbsoluteAxisEvent, AttributeSet, KeyCode, KeyEvent,
        UinputAbsSetup,
    };

    use super::*;

    fn plug() -> VirtualDevice {
        let axis = |code| UinputAbsSetup::new(code, AbsInfo::new(0, -32768, 32767, 16, 128, 0));
        let keys: AttributeSet<KeyCode> = [KeyCode::BTN_SOUTH, KeyCode::BTN_EAST].iter().collect();
        VirtualDevice::builder()
            .expect("/dev/uinput can be opened")
            .name("made gamepad")
            .with_absolute_axis(&axis(AbsoluteAxisCode::ABS_X))
            .expect("an axis to the right")
            .with_absolute_axis(&axis(AbsoluteAxisCode::ABS_Y))
            .expect("an axis down")
            .with_keys(&keys)
            .expect("two buttons")
            .build()
            .expect("the kernel makes a gamepad")
    }

    /// The stick as soon as it is as wished for, within half a minute.
    fn until(pad: &Pad, wished: impl Fn(Option<&Stick>) -> bool) -> Option<Stick> {
        let began = Instant::now();
        loop {
            let stick = pad.stick();
            if wished(stick.as_ref()) {
                return stick;
            }
            assert!(began.elapsed().as_secs() < 30, "it stays at {stick:?}");
            std::thread::sleep(EVERY);
        }
    }

    /// The kernel's own gamepad, plugged, moved, pressed, pulled and plugged again.
    #[test]
    #[ignore = "needs /dev/uinput and the right to write to it: cargo test --release -- --ignored gamepad"]
    fn a_gamepad_of_the_kernel_moves_the_rating() {
        let pad = Pad::start(Arc::new(|| ())).expect("a thread");
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(pad.stick(), None, "no gamepad yet");

        let mut device = plug();
        let rest = until(&pad, |s| s.is_some()).expect("a stick");
        assert_eq!(rest.name, "made gamepad");
        assert_eq!(rest.affect(), None, "at rest it rates nothing");

        // To the right, and up by half: the kernel counts downwards.
        let right = AbsoluteAxisEvent::new(AbsoluteAxisCode::ABS_X, 16384);
        let up = AbsoluteAxisEvent::new(AbsoluteAxisCode::ABS_Y, -24576);
        device.emit(&[*right, *up]).expect("moved");
        let moved = until(&pad, |s| s.is_some_and(|s| s.affect().is_some()));
        let (valence, arousal) = moved.and_then(|s| s.affect()).expect("a rating");
        assert!((0.3..0.7).contains(&valence), "valence {valence}");
        assert!((0.6..0.95).contains(&arousal), "arousal {arousal}");

        device
            .emit(&[*KeyEvent::new(KeyCode::BTN_SOUTH, 1)])
            .expect("pressed");
        until(&pad, |s| s.is_some_and(|s| s.play && !s.end));
        device
            .emit(&[*KeyEvent::new(KeyCode::BTN_SOUTH, 0)])
            .expect("released");
        device
            .emit(&[*KeyEvent::new(KeyCode::BTN_EAST, 1)])
            .expect("pressed");
        until(&pad, |s| s.is_some_and(|s| s.end && !s.play));

        drop(device);
        until(&pad, |s| s.is_none());
        let _again = plug();
        until(&pad, |s| s.is_some());
    }
}
