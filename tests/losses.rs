//! Losses and metrics against the reference code's own numbers.
//!
//! `losses-metrics-preprocess.json` was made by the reference repository's loss and metric code (PyTorch 2.15, CPU,
//! generator seed 11; temperature 1.5, 20 bins) on the logits, labels and series that it lists.

use affectscope::labels::Expression;
use affectscope::metrics::{Agreement, Confusion};
use affectscope::model::student::window_starts;
use affectscope::train::loss::{self, TEMPERATURE};
use candle_core::{Device, Tensor, Var};
use serde_json::Value;

pub fn golden() -> Value {
    serde_json::from_str(include_str!("data/losses-metrics-preprocess.json")).unwrap()
}

fn matrix(value: &Value) -> Tensor {
    let rows: Vec<Vec<f32>> = serde_json::from_value(value.clone()).unwrap();
    let (h, w) = (rows.len(), rows[0].len());
    Tensor::from_vec(rows.concat(), (h, w), &Device::Cpu).unwrap()
}

#[track_caller]
fn near(got: &Tensor, wanted: &Value) {
    let (got, wanted) = (
        f64::from(got.to_scalar::<f32>().unwrap()),
        wanted.as_f64().unwrap(),
    );
    assert!(
        (got - wanted).abs() <= 1e-6 * wanted.abs(),
        "{got}, wanted {wanted}"
    );
}

#[test]
fn losses_are_those_of_the_reference() {
    let golden = golden();
    let (given, expected) = (&golden["losses"], &golden["losses"]["expected"]);
    let (student, teacher) = (
        matrix(&given["student_expr_logits"]),
        matrix(&given["teacher_expr_logits"]),
    );
    let labels: Vec<u32> = serde_json::from_value(given["expr_label"].clone()).unwrap();
    let labels = Tensor::new(labels, &Device::Cpu).unwrap();
    near(
        &loss::expression(&student, &labels).unwrap(),
        &expected["expr_ce"],
    );
    near(
        &loss::distillation(&student, &teacher, TEMPERATURE).unwrap(),
        &expected["expr_kd"],
    );
    let (student, teacher) = (
        matrix(&given["student_va_logits"]),
        matrix(&given["teacher_va_logits"]),
    );
    let labels = matrix(&given["va_label"]);
    for (dimension, name) in ["valence", "arousal"].into_iter().enumerate() {
        let part = |t: &Tensor| {
            t.narrow(1, dimension * 20, 20)
                .unwrap()
                .contiguous()
                .unwrap()
        };
        let labels = labels
            .narrow(1, dimension, 1)
            .unwrap()
            .flatten_all()
            .unwrap();
        near(
            &loss::affect(&part(&student), &labels).unwrap(),
            &expected[name],
        );
        let distilled = loss::distillation(&part(&student), &part(&teacher), TEMPERATURE).unwrap();
        near(&distilled, &expected[format!("{name}_kd")]);
    }
}

#[test]
fn labels_at_the_edges_have_a_bin() {
    let labels = Tensor::new(
        &[
            -1.0f32, -0.95, -0.9, -0.8, -0.6, -1e-4, 0.0, 0.0999, 0.1001, 0.999, 1.0,
        ],
        &Device::Cpu,
    )
    .unwrap();
    assert_eq!(
        loss::bins(&labels).unwrap().to_vec1::<u32>().unwrap(),
        [0, 0, 1, 1, 3, 9, 10, 10, 11, 19, 19]
    );
}

/// The slope that candle finds, against the difference quotient in each direction.
#[track_caller]
fn slopes(at: &Tensor, loss: impl Fn(&Tensor) -> Tensor) {
    let var = Var::from_tensor(at).unwrap();
    let grads = loss(var.as_tensor()).backward().unwrap();
    let slope: Vec<f64> = grads
        .get(&var)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    let values: Vec<f64> = at.flatten_all().unwrap().to_vec1().unwrap();
    for (i, slope) in slope.iter().enumerate() {
        let moved = |by: f64| {
            let mut values = values.clone();
            values[i] += by;
            let at = Tensor::from_vec(values, at.shape(), &Device::Cpu).unwrap();
            loss(&at).to_scalar::<f64>().unwrap()
        };
        let quotient = (moved(1e-6) - moved(-1e-6)) / 2e-6;
        assert!((slope - quotient).abs() < 1e-6, "{i}: {slope}, {quotient}");
    }
}

#[test]
fn losses_can_be_differentiated() {
    let logits = |columns: usize, seed: usize| {
        let values: Vec<f64> = (0..3 * columns)
            .map(|i| ((i * 37 + seed) % 11) as f64 / 4.0 - 1.0)
            .collect();
        Tensor::from_vec(values, (3, columns), &Device::Cpu).unwrap()
    };
    let (expression, affect) = (logits(7, 3), logits(20, 5));
    let classes = Tensor::new(&[0u32, 6, 3], &Device::Cpu).unwrap();
    let ratings = Tensor::new(&[-0.4f64, 0.9, 0.1], &Device::Cpu).unwrap();
    slopes(&expression, |x| loss::expression(x, &classes).unwrap());
    slopes(&affect, |x| loss::affect(x, &ratings).unwrap());
    slopes(&affect, |x| {
        loss::distillation(x, &logits(20, 9), TEMPERATURE).unwrap()
    });
    slopes(&affect, |x| {
        let distilled = loss::distillation(x, &logits(20, 9), TEMPERATURE).unwrap();
        loss::together(Some(&loss::affect(x, &ratings).unwrap()), &distilled).unwrap()
    });
}

#[test]
fn a_batch_of_one_or_of_constants_has_a_loss_and_slopes_that_are_numbers() {
    for rows in [1usize, 4] {
        let var = Var::zeros((rows, 20), candle_core::DType::F32, &Device::Cpu).unwrap();
        for label in [0.0f32, 0.3, 1.0] {
            let labels = Tensor::full(label, rows, &Device::Cpu).unwrap();
            let value = loss::affect(var.as_tensor(), &labels).unwrap();
            assert!(value.to_scalar::<f32>().unwrap().is_finite());
            let grads = value.backward().unwrap();
            let slope: Vec<f32> = grads
                .get(&var)
                .unwrap()
                .flatten_all()
                .unwrap()
                .to_vec1()
                .unwrap();
            assert!(slope.iter().all(|s| s.is_finite()));
        }
    }
}

#[test]
fn metrics_are_those_of_the_reference() {
    let golden = golden();
    let (given, expected) = (&golden["metrics"], &golden["metrics"]["expected"]);
    let series =
        |name: &str| -> Vec<[f64; 2]> { serde_json::from_value(given[name].clone()).unwrap() };
    let (predicted, labelled) = (series("pred_va"), series("true_va"));
    for (dimension, name) in ["ccc_valence", "ccc_arousal"].into_iter().enumerate() {
        let mut agreement = Agreement::default();
        for (p, l) in predicted.iter().zip(&labelled) {
            agreement.push(p[dimension], l[dimension]);
        }
        let off = agreement.ccc().unwrap() - expected[name].as_f64().unwrap();
        assert!(off.abs() < 1e-6, "{name}: {off}");
    }
    let classes =
        |name: &str| -> Vec<usize> { serde_json::from_value(given[name].clone()).unwrap() };
    let mut confusion = Confusion::default();
    for (p, l) in classes("pred_expr").into_iter().zip(classes("true_expr")) {
        confusion.push(Expression::ALL[p], Expression::ALL[l]);
    }
    for (got, name) in [
        (confusion.macro_f1(), "macro_f1"),
        (confusion.accuracy(), "accuracy"),
        (confusion.criterion(), "criterion"),
    ] {
        let off = got.unwrap() - expected[name].as_f64().unwrap();
        assert!(off.abs() < 1e-6, "{name}: {off}");
    }
}

#[test]
fn windows_are_those_of_the_reference() {
    for (length, windows) in golden()["windows"].as_object().unwrap() {
        let length: usize = length.parse().unwrap();
        // [first frame, last frame, distinct frames]; where the length is a multiple of the window, the reference reads
        // the last window twice, and a frame keeps its first estimate.
        let mut wanted: Vec<[usize; 3]> = serde_json::from_value(windows.clone()).unwrap();
        wanted.dedup();
        let got: Vec<[usize; 3]> = window_starts(length, 32)
            .into_iter()
            .map(|first| {
                let last = (first + 31).min(length - 1);
                [first, last, last - first + 1]
            })
            .collect();
        assert_eq!(got, wanted, "{length} frames");
    }
}
