use super::*;
use crate::train::config::Phase as CnnPhase;

/// A phase of this sharpness, and a small network in it.
fn phase(sharpness: f64) -> (Phase<'static>, State) {
    let course = CnnPhase {
        sharpness,
        ..CnnPhase::default()
    };
    let adam = AdamConfig::default();
    let config = crate::train::teacher::made(1).student.config().clone();
    let mut store = Store::new(&config);
    store.begin(|| 0.5);
    let phase = Phase {
        name: "student-cnn",
        folder: PathBuf::new(),
        course: course.course(),
        adam,
        checkpoint_every: 1,
        of: String::new(),
    };
    let state = State {
        average: Vec::new(),
        best: Vec::new(),
        adam: Adam::new(adam, &store, |_| true),
        store,
        position: Position {
            of: String::new(),
            epoch: 0,
            step: 0,
            steps: 0,
            best: None,
            lines: 0,
            sums: Default::default(),
            done: false,
        },
    };
    (phase, state)
}

#[test]
fn sharp_slopes_are_those_at_a_distance_up_the_hill() {
    let (phase, mut state) = phase(0.25);
    let learnt = state.store.learnt();
    let before = state.store.values.clone();
    assert!(before.len() > learnt, "there are running moments");
    // A bowl, steeper along every other weight: slopes are 1 w or 3 w.
    let steepness = |i: usize| 1.0 + 2.0 * (i % 2) as f32;
    let slopes_at = |values: &[f32]| -> Vec<f32> {
        let all = values[..learnt].iter().enumerate();
        all.map(|(i, w)| steepness(i) * w).collect()
    };
    let mut grads = slopes_at(&before);
    let length = grads.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>();
    let way = (0.25 / length.sqrt()) as f32;
    let beside: Vec<f32> = before[..learnt]
        .iter()
        .zip(&grads)
        .map(|(w, g)| w + way * g)
        .collect();
    let mut seen = None;
    let parts = phase
        .slopes_beside(&mut state, &mut grads, &mut |store, grads| {
            assert!(grads.iter().all(|g| *g == 0.0));
            seen = Some(store.values[..learnt].to_vec());
            let slopes = slopes_at(&store.values);
            grads.copy_from_slice(&slopes);
            // As a batch does.
            store.values[learnt..].fill(9.0);
            Ok([1.0, 2.0, 3.0, 4.0, 5.0])
        })
        .unwrap();
    assert_eq!(parts, [1.0, 2.0, 3.0, 4.0, 5.0]);
    let seen = seen.unwrap();
    let far: f64 = seen
        .iter()
        .zip(&before)
        .map(|(a, b)| f64::from(a - b).powi(2))
        .sum();
    assert!((far.sqrt() - 0.25).abs() < 1e-3, "{}", far.sqrt());
    assert_eq!(seen, beside);
    assert_eq!(grads, slopes_at(&seen));
    assert_eq!(state.store.values, before, "weights and moments stay");
}

#[test]
fn where_the_loss_is_flat_there_is_nowhere_to_go() {
    let (phase, mut state) = phase(0.25);
    let mut grads = vec![0.0; state.store.learnt()];
    let asked = phase.slopes_beside(&mut state, &mut grads, &mut |_, _| unreachable!());
    assert_eq!(asked.unwrap(), Parts::default());
    assert!(grads.iter().all(|g| *g == 0.0));
}

#[test]
fn a_checkpoint_is_known_by_the_sharpness_that_was_asked_for() {
    let of = |sharpness| phase(sharpness).0.of();
    // As it was before there was such a thing: checkpoints of then are gone on from.
    assert_eq!(
        phase(0.0).0.written_course(),
        "Course { epochs: 40, patience: 5, rate: 0.0001, schedule: Steps, warm_up: 0.0, average: 0.0 }"
    );
    assert_ne!(of(0.0), of(0.1));
    assert_ne!(of(0.2), of(0.1));
}
