use super::*;

#[test]
fn paths_are_short_and_keep_to_a_tenth() {
    let mut path = Path::default();
    path.polyline(
        &[(1.0, 2.0), (1.04, 2.0), (3.5, 1.2), (3.5, 4.0)],
        true,
        0.0,
    );
    assert_eq!(path.0, "M1 2l2.5-.8v2.8z");
    let mut dot = Path::default();
    dot.polyline(&[(0.0, -0.5)], false, 1.5);
    assert_eq!(dot.0, "M0-.5h1.5");
    let mut rect = Path::default();
    rect.rect(1.0, 1.0, 0.5, 9.0);
    assert_eq!(rect.0, "M1 1h.5v9h-.5z");
}

#[test]
fn hatching_stays_in_its_box() {
    let mut path = Path::default();
    path.hatch(10.0, 20.0, 12.0, 6.0);
    // Absolute starts, one relative line each.
    for line in path.0.split('M').skip(1) {
        let (start, by) = line.split_once('l').unwrap_or_default();
        let start: Vec<f64> = start.split(' ').filter_map(|v| v.parse().ok()).collect();
        let (dx, dy) = by.split_once('-').unwrap_or_default();
        let dx: f64 = dx.parse().unwrap_or(f64::NAN);
        let dy: f64 = dy.parse().unwrap_or(f64::NAN);
        assert!(start[0] >= 10.0 && start[0] + dx <= 22.0, "{line}");
        assert!(start[1] <= 26.0 && start[1] - dy >= 20.0, "{line}");
    }
    assert!(path.0.matches('M').count() >= 3);
}

#[test]
fn names_cannot_become_markup() {
    assert_eq!(
        escape("<b a=\"1\">&'\u{1}x"),
        "&lt;b a=&quot;1&quot;&gt;&amp;&#39; x"
    );
    assert_eq!(short("a-long-name.mp4", 8), "…ame.mp4");
    assert_eq!(short("short", 8), "short");
}

#[test]
fn text_is_read_on_every_ground() {
    for ground in (0..=255u32).map(|v| v << 16 | v << 8 | v) {
        let (a, b) = (luminance(ground), luminance(on(ground)));
        let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
        assert!(contrast >= 3.9, "{ground:06x}: {contrast}");
    }
    assert_eq!(mix(0x0010_2030, 0x0020_4050, 0.5), 0x0018_3040);
}
