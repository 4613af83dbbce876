use super::*;

fn packets(lines: &[&str]) -> Packets {
    let mut packets = Packets::default();
    for line in lines {
        packets.take(line);
    }
    packets
}

#[test]
fn packets_become_frames_in_the_order_of_showing() {
    let all = packets(&[
        "packet|pts=-512|flags=KD_",
        "packet|pts=0|flags=K__",
        "packet|pts=1536|flags=___|side_data|",
        "packet|pts=512|flags=___",
        "packet|pts=1024|flags=___",
        "packet|pts=2048|flags=K__",
        "stream|field_order=progressive|time_base=1/15360",
        "format|start_time=0.000000",
    ]);
    let index = Index::new(&all.trusted().unwrap(), None, false);
    assert_eq!(
        index.ticks,
        (0..5).map(|n| Some(n * 23_520_000)).collect::<Vec<_>>()
    );
    assert_eq!(index.keys, [0, 4]);
    assert_eq!(
        (index.key(3), index.key(4), index.key(9)),
        (Some(0), Some(4), Some(4))
    );
    assert_eq!(index.times_s[1], 1.0 / 30.0);
}

#[test]
fn packets_in_doubt_are_not_trusted() {
    let base = "stream|time_base=1/1000";
    let trusted = |lines: &[&str]| packets(&[lines, &[base]].concat()).trusted().is_some();
    assert!(trusted(&[
        "packet|pts=0|flags=K_",
        "packet|pts=40|flags=__"
    ]));
    // Twice the same stamp, none, damage, no key in front, shown before the first.
    for second in [
        "packet|pts=0|flags=__",
        "packet|pts=N/A|flags=__",
        "packet|pts=40|flags=__C",
        "packet|pts=-40|flags=__",
    ] {
        assert!(!trusted(&["packet|pts=0|flags=K_", second]), "{second}");
    }
    assert!(!trusted(&["packet|pts=0|flags=__"]));
    assert!(!trusted(&[
        "packet|pts=0|flags=K_",
        "stream|field_order=tt|time_base=1/1000"
    ]));
    assert!(packets(&["packet|pts=0|flags=K_"]).trusted().is_none());
    assert!(packets(&[base]).trusted().is_none());
}

#[test]
fn only_a_stamp_that_is_one_frames_alone_is_a_place_to_begin() {
    let frames = [
        (Some(0), true),
        (Some(10), true),
        (Some(10), false),
        (Some(30), true),
        (None, true),
        (Some(20), false),
        (Some(40), true),
    ];
    let index = Index::new(&frames, Some(10.0), true);
    assert_eq!(index.keys, [0, 6]);
    let no_clock = Index::new(&[(None, true), (None, false)], Some(10.0), true);
    assert_eq!((no_clock.key(1), no_clock.times_s[1]), (None, 0.1));
}

#[test]
fn units_are_changed_as_ffmpeg_does() {
    assert_eq!(microseconds("1.4"), 1_400_000);
    assert_eq!(microseconds("-0.021333"), -21_333);
    assert_eq!(microseconds("N/A"), 0);
    assert_eq!(rescale(-1_400_000, (1, 1_000_000), (1, 90_000)), -126_000);
    // 21333 us are 1919.97 units of 1/90000 s.
    assert_eq!(rescale(21_333, (1, 1_000_000), (1, 90_000)), 1920);
    assert_eq!(rescale(1, (1, 2), (1, 1)), 1);
    assert_eq!(rescale(-1, (1, 2), (1, 1)), -1);
}

#[test]
fn what_ffmpeg_prints_is_counted() {
    let said = "frame:0    pts:0       pts_time:0\naffectscope=1\n\
                frame:0    pts:0       pts_time:0\naffectscope_key=1\n\
                [mpeg4 @ 0x1] ac-tex damaged\n\
                frame:1    pts:NOPTS   pts_time:NOPTS\naffectscope=1\n";
    let (mut counted, mut complaints) = (Counted::default(), Complaints::default());
    let probe = Probe {
        stream: 0,
        codec: None,
        container: String::new(),
        width_px: 1,
        height_px: 1,
        rate_hz: None,
        frames: Some(4),
        duration_s: None,
    };
    let mut parts = Vec::new();
    let going = count(
        &mut said.as_bytes(),
        &mut counted,
        &mut complaints,
        &probe,
        &mut |part| {
            parts.push(part);
            true
        },
    );
    assert!(going);
    assert_eq!(counted.frames, [(Some(0), true), (None, false)]);
    assert_eq!((complaints.count, parts), (1, vec![0.0, 0.25, 0.25]));
    let stop = count(
        &mut said.as_bytes(),
        &mut Counted::default(),
        &mut complaints,
        &probe,
        &mut |_| false,
    );
    assert!(!stop);
}
