//! Files of labels in every format: read right, refused with line and column, never a panic, and read back as written.

mod properties;

use std::path::Path;

use affectscope::analysis::BoxPx;
use affectscope::formats::labels::{
    LabelError, LabelFormat, Labels, Person, Series, parse, read, sniff,
};
use affectscope::labels::Expression;

const EXPR: &str = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise\n0\n4\n-1\n6\n";
const VA: &str = "valence,arousal\n0.5,-0.25\n-5,-5\n1,-1\n";
const FLAT_VA: &str = "image_location,valence,arousal\na/00001.jpg,0.1,0.2\na/00002.jpg,-5,-5\nb_right/00003.jpg,1,-1\n";
const FLAT_EXPR: &str = "image_location,Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other\na/00001.jpg,4\na/00002.jpg,7\n";
const OURS: &str = "frame,time_s,face_id,status,box_x_px,box_y_px,box_w_px,box_h_px,expression,valence,arousal,else\n\
                    0,0.0,1,ok,1,2,30,40,happiness,0.5,0.25,x\n0,0.0,2,ok,50,2,30,40,fear,-0.5,0.75,\n\
                    1,0.04,,no_face,,,,,,,,\n2,0.08,,missing,,,,,,,,\n";
const PLAIN: &str = "time_s;expression;valence\n0.5;Happy;0.25\n1.0;;-1\n1.5;6;\n";
const AFFECTNET: &str = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n\
                         1/a.jpg,1,2,30,40,1;2;3,1,0.5,0.1\n1/b.jpg,1,2,30,40,1;2,9,-2,-2\n1/c.jpg,1,2,30,40,,6,-0.5,0.9\n";
const EXPW: &str = "a.jpg 0 10 20 60 70 42.5 3\nb.jpg 1 1 2 3 4 0.5 6\n";
const AFEW: &str = r#"{"actor": "x", "frames": {"00000": {"landmarks": [[1, 2]], "valence": -10.0, "arousal": 5.0},
 "00001": {"landmarks": [], "valence": 0.0, "arousal": 10.0}}, "video_id": "007"}"#;
const FERPLUS: &str = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n\
                       Training,fer0.png,1,8,0,0,0,0,1,0,0,0\nTraining,fer1.png,5,5,0,0,0,0,0,0,0,0\n\
                       Training,fer2.png,1,1,0,0,0,0,0,8,0,0\nTraining,,0,0,0,0,0,0,0,0,0,10\n";
const DARMA: &str = "Time of Rating,01-Jan-2020\nMultimedia File,arousal.mp4\nMagnitude,100\n%%%%%%,%%%%%%,%%%%%%\nSecond,X,Y\n0,50,-100\n0.5,NaN,0\n";
const CARMA: &str = "Lower Label,negative valence\nMinimum Value,0\nMaximum Value,10\nSecond,Rating\n%%%%%%,%%%%%%\n0,0\n1,7.5\n";
const OPENFACE: &str = "frame, face_id, timestamp, confidence, success, gaze_0_x\n1, 0, 0.000, 0.98, 1, 0.1\n2, 0, 0.033, 0.10, 0, 0.2\n";

const SAMPLES: [(&str, LabelFormat, usize, usize); 14] = [
    (EXPR, LabelFormat::AffWild2Expr, 3, 1),
    (VA, LabelFormat::AffWild2Va, 2, 1),
    (FLAT_VA, LabelFormat::AbawFlat, 2, 1),
    (FLAT_EXPR, LabelFormat::AbawFlat, 1, 1),
    (OURS, LabelFormat::Affectscope, 2, 2),
    (PLAIN, LabelFormat::Plain, 3, 0),
    (AFFECTNET, LabelFormat::Affectnet, 2, 1),
    (EXPW, LabelFormat::Expw, 2, 0),
    (AFEW, LabelFormat::AfewVa, 2, 0),
    (FERPLUS, LabelFormat::Ferplus, 1, 3),
    (DARMA, LabelFormat::Darma, 2, 0),
    (CARMA, LabelFormat::Darma, 2, 0),
    (OPENFACE, LabelFormat::Openface, 0, 2),
    ("frame,valence\n3,0.5\n", LabelFormat::Plain, 1, 0),
];

fn good(text: &str) -> Labels {
    parse(text.as_bytes(), Path::new("video_left.affect.csv")).unwrap()
}

fn only(text: &str) -> Series {
    let mut labels = good(text);
    assert_eq!(labels.series.len(), 1);
    labels.series.remove(0)
}

#[test]
fn every_format_is_told_from_its_content_and_its_rows_are_counted() {
    for (text, format, valid, invalid) in SAMPLES {
        for text in [
            text.to_owned(),
            text.replace('\n', "\r\n"),
            format!("\u{feff}{}", text.trim_end()),
            format!("{text}\n\n"),
        ] {
            assert_eq!(sniff(text.as_bytes()), Some(format), "{text:?}");
            let labels = good(&text);
            assert_eq!(labels.format, format);
            let sum = |count: fn(&Series) -> usize| labels.series.iter().map(count).sum::<usize>();
            assert_eq!(
                (sum(Series::valid), sum(Series::invalid)),
                (valid, invalid),
                "{text:?}"
            );
        }
    }
}

#[test]
fn what_stands_in_a_file_is_what_is_read() {
    let expr = only(EXPR);
    assert_eq!(
        (expr.video.as_str(), expr.person, expr.frames),
        ("video", Some(Person::Left), Some(4))
    );
    let classes: Vec<Option<Expression>> = expr.labels.iter().map(|l| l.expression).collect();
    assert_eq!(
        classes,
        [
            Some(Expression::Neutral),
            Some(Expression::Happiness),
            None,
            Some(Expression::Surprise)
        ]
    );
    assert_eq!((expr.labels[3].frame, expr.labels[3].line), (Some(3), 5));

    let va = only(VA);
    assert_eq!(
        (va.labels[0].valence, va.labels[0].arousal),
        (Some(0.5), Some(-0.25))
    );
    assert_eq!(
        (va.labels[1].valence, va.labels[2].arousal),
        (None, Some(-1.0))
    );

    let flat = good(FLAT_VA).series;
    assert_eq!(
        (
            flat[0].video.as_str(),
            flat[1].video.as_str(),
            flat[1].person
        ),
        ("a", "b", Some(Person::Right))
    );
    assert_eq!(
        (flat[0].labels[1].frame, flat[1].labels[0].frame),
        (Some(1), Some(2))
    );
    assert_eq!(
        good(FLAT_EXPR).series[0].labels[0].expression,
        Some(Expression::Happiness)
    );

    let ours = only(OURS);
    assert_eq!(ours.frames, Some(3));
    let second = &ours.labels[1];
    assert_eq!(
        (second.frame, second.face_id, second.expression),
        (Some(0), Some(2), Some(Expression::Fear))
    );
    assert_eq!(
        second.box_px,
        Some(BoxPx {
            x: 50.0,
            y: 2.0,
            w: 30.0,
            h: 40.0
        })
    );

    let plain = only(PLAIN);
    assert_eq!(
        (plain.labels[0].time_s, plain.labels[0].expression),
        (Some(0.5), Some(Expression::Happiness))
    );
    assert_eq!(
        (plain.labels[2].expression, plain.labels[2].valence),
        (Some(Expression::Surprise), None)
    );

    let affectnet = only(AFFECTNET);
    assert_eq!(affectnet.labels[0].expression, Some(Expression::Happiness));
    assert_eq!(affectnet.labels[2].expression, Some(Expression::Anger));
    assert_eq!(
        (
            affectnet.labels[0].picture.as_deref(),
            affectnet.labels[0].valence
        ),
        (Some("1/a.jpg"), Some(0.5))
    );

    let expw = only(EXPW);
    assert_eq!(
        (expw.labels[0].expression, expw.labels[1].expression),
        (Some(Expression::Happiness), Some(Expression::Neutral))
    );
    assert_eq!(
        expw.labels[0].box_px,
        Some(BoxPx {
            x: 20.0,
            y: 10.0,
            w: 40.0,
            h: 60.0
        }),
        "right comes before bottom"
    );

    let afew = only(AFEW);
    assert_eq!(
        (
            afew.labels[0].frame,
            afew.labels[0].valence,
            afew.labels[0].arousal
        ),
        (Some(0), Some(-1.0), Some(0.5))
    );

    let ferplus = only(FERPLUS);
    let classes: Vec<Option<Expression>> = ferplus.labels.iter().map(|l| l.expression).collect();
    assert_eq!(
        classes,
        [Some(Expression::Happiness), None, None, None],
        "a tie and contempt are none"
    );

    let darma = only(DARMA);
    assert_eq!(
        (
            darma.labels[0].time_s,
            darma.labels[0].valence,
            darma.labels[0].arousal
        ),
        (Some(0.0), Some(0.5), Some(-1.0))
    );
    assert_eq!(
        (darma.labels[1].valence, darma.labels[1].arousal),
        (None, Some(0.0))
    );
    let carma = only(CARMA);
    assert_eq!(
        (
            carma.labels[0].valence,
            carma.labels[1].valence,
            carma.labels[1].arousal
        ),
        (Some(-1.0), Some(0.5), None)
    );

    let openface = only(OPENFACE);
    assert_eq!(
        (
            openface.labels[1].frame,
            openface.labels[1].time_s,
            openface.labels[1].face_id
        ),
        (Some(1), Some(0.033), None),
        "no face was found there"
    );
    assert_eq!(openface.labels[0].face_id, Some(0));
}

#[test]
fn a_bad_value_is_named_by_its_line_and_column() {
    for (text, line, column) in [
        (EXPR.replace("4\n", "9\n"), 3, "1"),
        // Seven classes have no eighth.
        (EXPR.replace("4\n", "7\n"), 3, "1"),
        (EXPR.replace("4\n", "\n"), 3, "1"),
        (VA.replace("1,-1", "1,-1.5"), 4, "2"),
        (VA.replace("1,-1", "1"), 4, "2"),
        (VA.replace("0.5,", "NaN,"), 2, "1"),
        (FLAT_VA.replace("0.2", "x"), 2, "3"),
        (FLAT_VA.replace("00002", "00001"), 3, "1"),
        (FLAT_EXPR.replace("jpg,4", "jpg,8"), 2, "2"),
        (OURS.replace("fear", "joy"), 3, "9"),
        (OURS.replace("no_face", "asleep"), 4, "4"),
        (OURS.replace("0.25,x", "2,x"), 2, "11"),
        (PLAIN.replace("1.0;", "inf;"), 3, "1"),
        (PLAIN.replace("Happy", "joyful"), 2, "2"),
        ("frame,valence\n0,0.1\n0,0.2\n".to_owned(), 3, "1"),
        ("frame,valence\n9999999999,0.1\n".to_owned(), 2, "1"),
        (AFFECTNET.replace(",9,-2", ",11,-2"), 3, "7"),
        (AFFECTNET.replace("0.5,0.1", "0.5,-3"), 2, "9"),
        (EXPW.replace(" 6\n", " 7\n"), 2, "8"),
        (EXPW.replace("b.jpg 1 1", "b.jpg 1"), 2, "8"),
        (FERPLUS.replace("fer1.png,5", "fer1.png,-5"), 3, "3"),
        (DARMA.replace("50,-100", "50,-101"), 6, "3"),
        (CARMA.replace("valence", "mood"), 4, "2"),
        (OPENFACE.replace("2, 0,", "0, 0,"), 3, "1"),
        (OPENFACE.replace("0.98", "1.98"), 2, "4"),
        (AFEW.replace("10.0}", "x}"), 2, ""),
    ] {
        match parse(text.as_bytes(), Path::new("v.csv")) {
            Err(LabelError::Value {
                line: l,
                column: c,
                reason,
                ..
            }) => {
                assert_eq!(l, line, "{text}\n{reason}");
                let c = c.split(' ').next().unwrap_or_default().to_owned();
                assert!(
                    column.is_empty() || c == column,
                    "column {c}, not {column}: {text}\n{reason}"
                );
            }
            other => panic!("{other:?}: {text}"),
        }
    }
}

#[test]
fn what_is_no_file_of_labels_says_what_was_seen() {
    let said = |bytes: &[u8]| parse(bytes, Path::new("x.txt")).unwrap_err().to_string();
    assert!(said(b"dear diary\n").contains("'dear diary'"));
    assert!(said(b"").contains("empty"));
    assert!(said(b"0.1,0.2\n0.3,0.4\n").contains("the header is missing"));
    assert!(said(b"\xff\xd8\xff\xe0 JFIF").contains("not UTF-8"));
    let sidecar = br#"{ "program": "affectscope", "counts": {"frames": 3} }"#;
    assert!(matches!(
        parse(sidecar, Path::new("x.json")),
        Err(LabelError::Unknown { .. })
    ));
    assert!(matches!(
        read(Path::new("/nowhere/x.csv")),
        Err(LabelError::Io { .. })
    ));
    assert!(matches!(read(Path::new(".")), Err(LabelError::Io { .. })));
}
