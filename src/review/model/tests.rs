use super::*;

/// A row of a face with this valence.
fn label(frame: u64, face_id: u32, valence: f64) -> Label {
    Label {
        frame: Some(frame),
        face_id: Some(face_id),
        valence: Some(valence),
        box_px: Some(BoxPx {
            x: face_id as f32,
            y: 0.0,
            w: 10.0,
            h: 10.0,
        }),
        ..Label::default()
    }
}

/// Face 1 on frames 0, 1 and 3; face 4 on frames 2 to 4; face 2 on frame 0.
fn model() -> Model {
    let rows = [
        (0, 1, 0.1),
        (0, 2, -0.9),
        (1, 1, 0.2),
        (2, 4, 0.3),
        (3, 4, -0.4),
        (3, 1, 0.4),
        (4, 4, 0.5),
    ];
    let labels: Vec<Label> = rows.iter().map(|&(f, id, v)| label(f, id, v)).collect();
    Model::from_labels(&labels, None)
}

fn valences(model: &Model) -> Vec<Option<f64>> {
    (0..5).map(|f| model.track().get(f).valence).collect()
}

#[test]
fn a_joined_face_is_on_the_frames_of_both_and_its_own_row_wins() {
    let mut model = model();
    let faces: Vec<_> = model.faces().iter().map(|f| (f.id, f.frames)).collect();
    assert_eq!(faces, [(1, 3), (4, 3), (2, 1)]);
    model.choose(FaceChoice::Id(4));
    assert_eq!(
        valences(&model),
        [None, None, Some(0.3), Some(-0.4), Some(0.5)]
    );
    let mut names = Faces::default();
    names.join(4, 1);
    model.set_names(names);
    // Whoever looked at face 4 looks at face 1 now.
    assert_eq!(model.choice(), FaceChoice::Id(1));
    // On frame 3 both are there: face 1's own row counts, though the other comes first.
    assert_eq!(valences(&model), [0.1, 0.2, 0.3, 0.4, 0.5].map(Some));
    let faces = model.faces();
    assert_eq!(
        (faces[0].id, faces[0].frames, faces[0].first, faces[0].both),
        (1, 5, 0, 1)
    );
    assert_eq!((faces[1].id, faces[1].both), (2, 0));
    // Three ids on one frame are one frame with several.
    let mut names = model.names().clone();
    names.join(1, 2);
    model.set_names(names);
    let faces = model.faces();
    assert_eq!(
        (faces.len(), faces[0].id, faces[0].frames, faces[0].both),
        (1, 2, 5, 2)
    );
    model.set_names(Faces::default());
    model.choose(FaceChoice::Id(1));
    assert_eq!(
        valences(&model),
        [Some(0.1), Some(0.2), None, Some(0.4), None]
    );
}

#[test]
fn the_largest_face_is_the_largest_whoever_it_is() {
    let mut model = model();
    let before = valences(&model);
    let mut names = Faces::default();
    names.join(4, 1);
    model.set_names(names);
    assert_eq!(valences(&model), before);
}
