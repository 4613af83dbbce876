//! `affectscope bench` from outside: what it prints, and what it refuses. How fast it is is nobody's business here.

use serde_json::Value;

use super::cli::{Scratch, stderr};

#[track_caller]
fn measured(scratch: &Scratch, args: &[&str]) -> Value {
    let output = scratch.run(args);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn positive(json: &Value, key: &str) -> f64 {
    let value = key
        .split('.')
        .fold(json, |value, part| match part.parse::<usize>() {
            Ok(index) => &value[index],
            Err(_) => &value[part],
        });
    let number = value.as_f64().unwrap_or(f64::NAN);
    assert!(number.is_finite() && number > 0.0, "{key}: {value}");
    number
}

#[test]
fn network_and_pipeline_in_one_run() {
    let scratch = Scratch::new();
    let args = "bench --network --rounds 3 --batch 2 --pipeline --frames 4 --json";
    let json = measured(&scratch, &args.split(' ').collect::<Vec<_>>());
    for key in ["network", "pipeline", "network.stages.0", "pipeline.live"] {
        let quartiles = ["quartile1_ms", "median_ms", "quartile3_ms"]
            .map(|name| positive(&json, &format!("{key}.{name}")));
        assert!(quartiles.is_sorted(), "{key}: {quartiles:?}");
    }
    let parts = json["network"]["parts"].as_array().unwrap();
    for i in 0..parts.len() {
        positive(&json, &format!("network.parts.{i}.median_ms"));
    }
    for key in [
        "machine.cores",
        "network.faces_per_s",
        "pipeline.frames_per_s",
        "pipeline.faces",
    ] {
        positive(&json, key);
    }
    assert_eq!(json["network"]["batch"], 2);
    assert_eq!(json["pipeline"]["frames"], 4);
    let names = |part: &str| -> Vec<String> {
        let stages = json[part]["stages"].as_array().unwrap();
        let name = |stage: &Value| stage["name"].as_str().unwrap().to_owned();
        stages.iter().map(name).collect()
    };
    assert_eq!(parts.len(), 7);
    for name in ["gru_window", "crop_to_reading"] {
        assert!(names("network").iter().any(|n| n == name), "{name}");
    }
    for name in [
        "grey",
        "detector_scan",
        "detector_near",
        "landmarks",
        "align",
    ] {
        assert!(names("pipeline").iter().any(|n| n == name), "{name}");
    }
    assert!(json["machine"]["cpu"].is_string() && json["machine"]["instruction_set"].is_string());
    assert!(json.get("live").is_none());
}

#[test]
fn a_step_of_training() {
    let scratch = Scratch::new();
    let args = "bench --training --rounds 3 --batch 2 --json";
    let json = measured(&scratch, &args.split(' ').collect::<Vec<_>>());
    let quartiles = ["quartile1_ms", "median_ms", "quartile3_ms"]
        .map(|name| positive(&json, &format!("training.{name}")));
    assert!(quartiles.is_sorted(), "{quartiles:?}");
    positive(&json, "training.faces_per_s");
    positive(&json, "training.loss");
    assert_eq!(json["training"]["batch"], 2);
    assert_eq!(json["training"]["threads"], 1);
    assert!(json.get("network").is_none() && json["training"].get("peer").is_none());
}

#[test]
fn the_live_session_without_a_window() {
    let scratch = Scratch::new();
    let args = "bench --live 1.5 --no-window --mjpeg --camera-hz 20 --json";
    let json = measured(&scratch, &args.split(' ').collect::<Vec<_>>());
    for key in [
        "live.captured_hz",
        "live.analysed_hz",
        "live.capture_to_analysed.median_ms",
        "live.capture_to_window.p95_ms",
        "live.first_p95_ms",
        "live.last_p95_ms",
    ] {
        positive(&json, key);
    }
    let live = &json["live"];
    assert_eq!(live["first"]["p95_ms"], live["first_p95_ms"]);
    assert_eq!(live["last"]["p95_ms"], live["last_p95_ms"]);
    let slices = live["slices"].as_array().unwrap();
    let with_pictures = slices.iter().filter(|s| s["median_ms"].is_number()).count();
    assert!(slices.len() == 12 && with_pictures > 6, "{slices:?}");
    assert_eq!(json["live"]["window"], false);
    assert_eq!(json["live"]["capture_to_drawn"], Value::Null);
    if cfg!(target_os = "linux") {
        positive(&json, "live.cpu_percent.analysis");
        positive(&json, "live.memory.first_mib");
        positive(&json, "live.memory.last_mib");
        for stretch in ["first", "last", "whole"] {
            for cause in ["stolen_percent", "others_percent"] {
                assert!(live[stretch][cause].is_number(), "{stretch} {cause}");
            }
            assert!(live[stretch]["waited_percent"]["analysis"].is_number());
        }
    }
}

#[test]
fn a_table_for_people() {
    let scratch = Scratch::new();
    let output = scratch.run(&["bench", "--network", "--rounds", "3"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    for words in [
        "machine ",
        "affectscope 0",
        "backbone and heads",
        "median",
        "25 %",
    ] {
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
}

#[test]
fn nonsense_is_refused_in_words() {
    let scratch = Scratch::new();
    scratch.refuses(
        &["bench"],
        &["--network", "--training", "--pipeline", "--live"],
    );
    scratch.refuses(
        &["bench", "--network", "--peer", "pytorch"],
        &["--peer pytorch", "--training"],
    );
    scratch.refuses(
        &["bench", "--training", "--batch", "1"],
        &["--training", "at least 2"],
    );
    scratch.refuses(
        &["bench", "--pipeline", "missing.mp4"],
        &["missing.mp4", "no such file"],
    );
    for (args, words) in [
        ("bench --network --batch 0", "from 1 to 256"),
        ("bench --network --threads 0", "from 1 to 256"),
        ("bench --network --rounds 1", "from 3 to"),
        ("bench --pipeline --frames 0", "from 2 to"),
        ("bench --live 0", "above 0"),
        ("bench --live 1 --camera-hz 0", "between 1 and 1000"),
        ("bench --live 1 --batch 2", "--network"),
        ("bench --live 1 --peer pytorch", "--training"),
    ] {
        let output = scratch.run(&args.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2), "{args}");
        assert!(
            stderr(&output).contains(words),
            "{args}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_peer_that_is_not_installed_is_told_in_words() {
    let scratch = Scratch::new();
    for (what, peer, package) in [
        ("--network", "onnxruntime", "pip install onnxruntime"),
        ("--training", "pytorch", "pip install torch"),
    ] {
        let output = scratch
            .command()
            .args(["bench", what, "--rounds", "3", "--peer", peer])
            .env("PATH", scratch.path("nothing"))
            .output()
            .unwrap();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("python3") && text.contains(package), "{text}");
    }
}
