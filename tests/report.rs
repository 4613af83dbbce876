//! `affectscope report` through the binary: its numbers beside those of `evaluate`, and what the page holds.

use std::fmt::Write as _;

use super::cli::Scratch;

mod folders;

const NAMES: [&str; 7] = [
    "neutral",
    "anger",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
];
const FRAMES: usize = 60;

/// A wave of no round numbers.
fn wave(i: usize, step: f64, high: f64) -> f64 {
    ((i as f64 * step).sin() * high * 1e4).round() / 1e4
}

/// Rows as `analyze` writes them: a face that moves, and is away for some frames.
fn predictions() -> String {
    let mut text = format!(
        "frame,time_s,face_id,status,box_x_px,box_y_px,box_w_px,box_h_px,{},expression,valence,arousal,valence_sd,arousal_sd\n",
        NAMES.join(",")
    );
    for i in 0..FRAMES {
        let time_s = i as f64 / 30.0;
        if (20..26).contains(&i) {
            writeln!(text, "{i},{time_s:.6},,no_face{}", ",".repeat(16)).unwrap();
            continue;
        }
        let said = i / 15 % 4;
        let sure: Vec<&str> = (0..7)
            .map(|e| if e == said { "0.88" } else { "0.02" })
            .collect();
        writeln!(
            text,
            "{i},{time_s:.6},1,ok,{},60,150,150,{},{},{},{},0.1,0.2",
            90 + i,
            sure.join(","),
            NAMES[said],
            wave(i, 0.13, 0.7),
            wave(i, 0.071, 0.6),
        )
        .unwrap();
    }
    text
}

const SIDECAR: &str = r#"{"program": "affectscope", "version": "0.0.9",
    "weights": {"name": "made-up <weights>", "network": "CNN", "sha256": "00ff"},
    "settings": {"faces": "all"}, "columns": {"frame": "from 0"},
    "note": "What a face shows to a trained network, not what a person feels."}"#;

/// Expressions and valence-arousal in two files of Aff-Wild2's form, some lines marked invalid.
fn aff_wild2(scratch: &Scratch, folder: &str, video: &str) {
    let mut expr = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise".to_owned();
    let mut va = "valence,arousal".to_owned();
    for i in 0..FRAMES {
        match i % 9 {
            0 => expr.push_str("\n-1"),
            // Half a second of happiness where the predictions say disgust.
            _ if (30..46).contains(&i) => expr.push_str("\n4"),
            _ => write!(expr, "\n{}", (i + 4) / 17 % 5).unwrap(),
        }
        match i % 11 {
            0 => va.push_str("\n-5,-5"),
            _ => write!(va, "\n{},{}", wave(i, 0.12, 0.8), wave(i, 0.05, 0.5)).unwrap(),
        }
    }
    scratch.write(
        &format!("{folder}/EXPR_Set/Validation_Set/{video}.txt"),
        &expr,
    );
    scratch.write(&format!("{folder}/VA_Set/Validation_Set/{video}.txt"), &va);
}

/// Every row of the tables in a piece of HTML, as text.
fn rows(html: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for row in html.split("<tr>").skip(1) {
        let row = row.split("</tr>").next().unwrap();
        let cells = row.split("</th>").flat_map(|c| c.split("</td>"));
        let cells = cells.filter(|c| c.contains('<'));
        rows.push(
            cells
                .map(|c| c.rsplit_once('>').unwrap().1.to_owned())
                .collect(),
        );
    }
    rows
}

/// The part of a page from one heading to the next.
fn part<'a>(page: &'a str, from: &str) -> &'a str {
    let rest = page.split_once(from).unwrap().1;
    let end = ["<h3>", "</section>"]
        .iter()
        .filter_map(|e| rest.find(e))
        .min();
    &rest[..end.unwrap()]
}

/// What the table of `evaluate` says, as the rows of a report have it.
fn evaluated(table: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut classes: Vec<(String, String, Vec<u64>)> = Vec::new();
    for line in table.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut row = |cells: &[&str]| rows.push(cells.iter().map(|c| (*c).to_owned()).collect());
        match words.as_slice() {
            [name @ ("valence" | "arousal"), n, ccc, _, pearson, mse] => {
                row(&[name, n, ccc, pearson, mse]);
            }
            // Nothing is compared, and the report leaves it out.
            ["macro", "F1", "0", ..] | ["accuracy" | "criterion", "0", ..] => {}
            ["macro", "F1", n, score, _] => row(&["macro F1", n, score]),
            [name @ ("accuracy" | "criterion"), n, score, _] => row(&[name, n, score]),
            [name, f1, counts @ ..] if counts.len() == 7 && NAMES.contains(name) => {
                let counts = counts.iter().map(|c| c.parse().unwrap()).collect();
                classes.push(((*name).to_owned(), (*f1).to_owned(), counts));
            }
            _ => {}
        }
    }
    for (i, (name, f1, counts)) in classes.iter().enumerate() {
        let labelled: u64 = counts.iter().sum();
        let predicted: u64 = classes.iter().map(|c| c.2[i]).sum();
        let counts = [labelled.to_string(), predicted.to_string()];
        let [labelled, predicted] = counts;
        rows.push(vec![name.clone(), labelled, predicted, f1.clone()]);
    }
    rows
}

#[test]
fn the_reports_numbers_are_those_of_evaluate_to_the_last_digit() {
    let scratch = Scratch::new();
    scratch.clip("talk.mkv", FRAMES as u32, false, &[]);
    scratch.write("talk.affect.csv", &predictions());
    scratch.write("talk.affect.json", SIDECAR);
    aff_wild2(&scratch, "truth", "talk");
    // One more of the same kinds, frame by frame with holes; and one by the clock, ten times a second.
    let mut second = "frame,expression,valence,arousal\n".to_owned();
    for i in (0..FRAMES).filter(|i| i % 7 != 3) {
        let expression = NAMES[i / 14 % 4];
        writeln!(
            second,
            "{i},{expression},{},{}",
            wave(i, 0.14, 0.6),
            wave(i, 0.09, 0.7)
        )
        .unwrap();
    }
    scratch.write("talk.second.csv", &second);
    let mut clocked = "Time of Rating,01-Jan-2020\nMultimedia File,talk.mkv\nMagnitude,100\n%%%%%%,%%%%%%,%%%%%%\nSecond,X,Y\n".to_owned();
    for i in 0..20 {
        let (x, y) = (wave(i, 0.4, 0.5) * 100.0, wave(i, 0.3, 0.9) * 100.0);
        writeln!(clocked, "{:.1},{x:.2},{y:.2}", i as f64 / 10.0).unwrap();
    }
    scratch.write("talk.clocked.csv", &clocked);

    let done = scratch.run(&[
        "report",
        "talk.mkv",
        "--predictions",
        "talk.affect.csv",
        "--annotations",
        "truth",
        "talk.second.csv",
        "--annotations",
        "talk.clocked.csv",
        "--out",
        "report.html",
        "--figures",
        "figures",
    ]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(0), "{said}");
    let page = std::fs::read_to_string(scratch.path("report.html")).unwrap();

    for (rater, annotations, wanted) in [
        ("labels", "truth", 12),
        ("second", "talk.second.csv", 12),
        ("clocked", "talk.clocked.csv", 2),
    ] {
        let (code, table, said) = scratch.evaluate("talk.affect.csv", annotations, &[]);
        assert_eq!(code, 0, "{said}");
        let numbers = evaluated(&table);
        assert_eq!(numbers.len(), wanted, "{table}");
        let shown = rows(part(&page, &format!("<h3>{rater}</h3>")));
        assert!(
            numbers.iter().all(|row| shown.contains(row)),
            "{numbers:?}\n{shown:?}"
        );
        // The overview says the same once more.
        let of = |name: &str| numbers.iter().find(|r| r[0] == name).map(|r| r[2].clone());
        let row = rows(&page)
            .into_iter()
            .find(|r| r[0] == rater && r.len() == 7)
            .unwrap();
        assert_eq!(
            (Some(&row[2]), Some(&row[3])),
            (of("valence").as_ref(), of("arousal").as_ref())
        );
        assert_eq!(row[4], of("macro F1").unwrap_or("-".to_owned()));
        assert_eq!(row[6], of("criterion").unwrap_or("-".to_owned()));
    }

    // Everything lies in the page: nothing is loaded, nothing runs.
    assert!(!page.contains("http") && !page.contains("<script") && !page.contains("url("));
    assert_eq!(
        page.matches("src=").count(),
        page.matches("src=\"data:image/jpeg;base64,/9j/").count()
    );
    assert!(
        page.matches("<img ").count() >= 1,
        "the worst segments have faces"
    );
    assert!(
        page.contains("confident, other label: Disgust 0.88 / Happiness")
            && page.contains("480 × 360 px")
    );
    // Agreement: three people make three pairs, and the model three more.
    let agreement = rows(part(&page, "<section id=\"agreement\">"));
    for pair in [
        "labels and second",
        "labels and clocked",
        "second and model",
    ] {
        assert!(
            agreement.iter().any(|r| r[0] == pair && r[1] != "0"),
            "{pair}: {agreement:?}"
        );
    }
    // Said once; the weights' card, and sums of the files.
    let warning = "What a face shows to a trained network, not what a person feels.";
    assert_eq!(page.matches(warning).count(), 1);
    assert!(page.contains("made-up &lt;weights&gt;") && page.contains("affectscope 0.0.9"));
    let files = rows(&page);
    let sums = files
        .iter()
        .filter(|r| r.last().is_some_and(|c| c.len() == 64))
        .count();
    assert_eq!(
        sums, 6,
        "video, predictions, four files of labels: {files:?}"
    );
    for name in ["timeline.svg", "circumplex.svg", "confusion.svg"] {
        let svg = std::fs::read_to_string(scratch.path("figures").join(name)).unwrap();
        assert!(
            svg.starts_with("<svg xmlns=") && svg.contains("<title>") && svg.contains("<desc>")
        );
        // The same as pixels, two a unit, and not empty.
        let size = svg.split('"').skip_while(|p| !p.contains("viewBox"));
        let size: Vec<f64> = size
            .take(2)
            .last()
            .unwrap()
            .split(' ')
            .map(|v| v.parse().unwrap())
            .collect();
        let png = scratch.path("figures").join(name.replace(".svg", ".png"));
        let png = image::open(png).unwrap().to_rgb8();
        let wanted = [size[2] * 2.0, size[3] * 2.0].map(|v| v.round() as u32);
        assert_eq!([png.width(), png.height()], wanted, "{name}");
        let dark = png
            .pixels()
            .filter(|p| p.0.iter().all(|v| *v < 100))
            .count();
        assert!(dark > 500, "{name}: words and lines are drawn");
    }
    // Nothing is written over unasked, and inputs never.
    let refuses = |more: &[&str], words: &[&str]| {
        let mut args = vec!["report", "talk.mkv", "--predictions", "talk.affect.csv"];
        args.extend(["--annotations", "truth", "--out"]);
        args.extend(more);
        scratch.refuses(&args, words);
    };
    refuses(&["report.html"], &["report.html", "--force"]);
    let over = ["truth/VA_Set/Validation_Set/talk.txt", "--force"];
    refuses(&over, &["talk.txt", "is an input"]);
    refuses(&["talk.affect.json", "--force"], &["is an input"]);
    refuses(&["x.html", "--face", "7"], &["no face 7", "It has: 1"]);
}

#[test]
fn a_page_without_faces_of_a_video_that_cannot_be_read_says_so() {
    let scratch = Scratch::new();
    let name = "a <script> & 'b'";
    let video = format!("{name}.mp4");
    scratch.write(&video, "no video at all");
    scratch.write(&format!("{name}.affect.csv"), &predictions());
    aff_wild2(&scratch, "truth", name);
    let predictions = format!("{name}.affect.csv");
    let given = [
        "report",
        &video,
        "--predictions",
        &predictions,
        "--annotations",
    ];
    let run = |more: &[&str]| scratch.run(&[&given, more].concat());
    let done = run(&["truth", "--no-faces", "--out", "page.html"]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(
        done.status.code(),
        Some(2),
        "a part of the input was not read: {said}"
    );
    assert!(said.contains("without pictures"), "{said}");
    let page = std::fs::read_to_string(scratch.path("page.html")).unwrap();
    assert!(page.contains("a &lt;script&gt; &amp; &#39;b&#39;") && !page.contains("<script"));
    assert!(!page.contains("<img") && page.contains("could not be read"));
    assert!(
        rows(&page)
            .iter()
            .any(|r| r[0] == "frames" && r[1].contains("as the predictions have it"))
    );
    // Without a video, without labels of it, and with labels that meet no prediction.
    let refuses = |args: &[&str], words: &[&str]| scratch.refuses(args, words);
    let absent = [
        "report",
        "none.mp4",
        "--predictions",
        &predictions,
        "--annotations",
        "truth",
        "--out",
        "x.html",
    ];
    refuses(&absent, &["none.mp4", "no such file"]);
    scratch.write("other/VA_Set/b.txt", "valence,arousal\n0.1,0.2\n");
    refuses(
        &[&given[..], &["other", "--out", "x.html"]].concat(),
        &["no labels in it", "b"],
    );
    scratch.write("late.csv", "frame,valence\n900,0.5\n");
    refuses(
        &[&given[..], &["late.csv", "--out", "x.html"]].concat(),
        &["nothing to compare"],
    );
    scratch.write("v_left.txt", "valence,arousal\n0.1,0.2\n");
    scratch.write("v_right.txt", "valence,arousal\n0.1,0.2\n");
    let both = ["v_left.txt", "v_right.txt", "--out", "x.html"];
    refuses(&[&given[..], &both].concat(), &["two people"]);
}
