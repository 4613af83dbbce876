//! Intervals by resampling the videos (Efron 1979): frames of one video are no independent witnesses.

use super::matching::Scores;

/// How often the videos are drawn anew.
pub const RESAMPLES: usize = 1000;
/// Where the generator starts, so that two runs give the same numbers.
pub const SEED: u64 = 20_211_011;
/// The part of the resamples that lies within an interval.
pub const LEVEL: f64 = 0.95;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `count`, which is far below 2^32: the bias is far below what a resample means.
    fn below(&mut self, count: usize) -> usize {
        (((self.next() >> 32) * count as u64) >> 32) as usize
    }
}

/// One score of a set.
pub type Score = fn(&Scores) -> Option<f64>;

/// The 95 % percentile interval of a score, by drawing as many videos as there are, with replacement, of those that
/// carry labels of the kind.
///
/// `None` for fewer than two such videos, which say nothing of how videos differ, and where the score is undefined in
/// more than half of the resamples; those where it is undefined are left out.
pub fn interval(
    videos: &[Scores],
    carries: impl Fn(&Scores) -> bool,
    score: Score,
) -> Option<[f64; 2]> {
    let videos: Vec<&Scores> = videos.iter().filter(|s| carries(s)).collect();
    if videos.len() < 2 {
        return None;
    }
    let mut random = Random(SEED);
    let mut values = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let mut set = Scores::default();
        for _ in &videos {
            set.merge(videos[random.below(videos.len())]);
        }
        values.extend(score(&set));
    }
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - LEVEL) / 2.0;
    (values.len() > RESAMPLES / 2).then(|| [quantile(&values, tail), quantile(&values, 1.0 - tail)])
}

/// Linear between the two values around it; `values` are sorted and not empty, `part` is 0..=1.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let at = part * (values.len() - 1) as f64;
    let (low, share) = (at.floor() as usize, at.fract());
    let high = (low + 1).min(values.len() - 1);
    values[low] * (1.0 - share) + values[high] * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(pairs: &[(f64, f64)]) -> Scores {
        let mut scores = Scores::default();
        pairs.iter().for_each(|&(p, l)| scores.valence.push(p, l));
        scores
    }

    const MSE: Score = |s| s.valence.mse();

    fn of_mse(videos: &[Scores]) -> Option<[f64; 2]> {
        interval(videos, |s| s.valence.count() > 0, MSE)
    }

    #[test]
    fn alike_videos_leave_no_room_and_one_video_says_nothing() {
        let same = video(&[(0.1, 0.2), (0.3, 0.1)]);
        let [low, high] = of_mse(&[same.clone(), same.clone(), same.clone()]).expect("an interval");
        assert!((high - low).abs() < 1e-12);
        assert_eq!(of_mse(std::slice::from_ref(&same)), None);
        assert_eq!(of_mse(&[]), None);
        // A video without such labels is no second witness.
        assert_eq!(of_mse(&[same, Scores::default()]), None);
    }

    #[test]
    fn the_interval_of_a_mean_is_about_two_standard_errors_wide_on_either_side() {
        // Squared errors 0 and 1 by halves over 100 videos: a standard error of 0.05.
        let videos: Vec<Scores> = (0..100)
            .map(|i| video(&[(f64::from(i % 2), 0.0)]))
            .collect();
        let [low, high] = of_mse(&videos).expect("an interval");
        assert!(
            (low - 0.4).abs() < 0.03 && (high - 0.6).abs() < 0.03,
            "{low} {high}"
        );
        assert_eq!(of_mse(&videos), Some([low, high]), "the same twice");
    }

    #[test]
    fn quantiles_lie_between() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0], 0.25), 1.25);
        assert_eq!(quantile(&[7.0], 0.975), 7.0);
    }
}
