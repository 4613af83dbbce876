//! The samplers' weights against numpy's (tests/data/samplers.py).

use affectscope::labels::Expression;
use affectscope::train::sampler::{affect_weights, expression_weights, joint_weights};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    expression: Vec<usize>,
    affect: Vec<[f32; 2]>,
    expression_weights: Vec<f64>,
    affect_weights: Vec<f64>,
    joint_weights: Vec<f64>,
}

#[test]
fn weights_are_those_of_numpy() {
    let text = std::fs::read_to_string("tests/data/samplers.json").unwrap();
    let golden: Golden = serde_json::from_str(&text).unwrap();
    let expressions: Vec<Expression> = golden
        .expression
        .iter()
        .map(|&e| Expression::ALL[e])
        .collect();
    for (ours, theirs) in [
        (expression_weights(&expressions), golden.expression_weights),
        (affect_weights(&golden.affect), golden.affect_weights),
        (
            joint_weights(&expressions, &golden.affect),
            golden.joint_weights,
        ),
    ] {
        assert_eq!(ours.len(), theirs.len());
        // Reading them from text may cost the last digit.
        let off = |(a, b): (&f64, &f64)| (a - b).abs();
        assert!(ours.iter().zip(&theirs).map(off).all(|off| off < 1e-15));
    }
}
