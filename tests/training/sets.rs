//! Packed sets, whole and in pieces: a damaged one gives an error, never a panic.

use std::path::Path;
use std::sync::OnceLock;

use affectscope::train::set::{Set, SetError, Split};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::{content, ferplus, options, whole};
use affectscope::train::prepare::Database;

type Files = Vec<(std::path::PathBuf, Vec<u8>)>;

/// The files of a small set.
fn made() -> &'static Files {
    static MADE: OnceLock<Files> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (input, out) = (folder.path().join("in"), folder.path().join("set"));
        ferplus(&input, [9, 5, 0]);
        whole(&options(Database::Ferplus, &input, &out));
        content(&out)
    })
}

fn write(files: &Files, folder: &Path) {
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Everything that training asks for.
fn read_all(set: &Set) {
    for i in 0..set.len() {
        let sample = set.sample(i);
        assert_eq!(
            sample.pixels.len(),
            sample.width_px * sample.height_px * sample.channels
        );
        assert!(!set.subject(sample.subject).is_empty());
    }
    for split in Split::ALL {
        set.indices(split, |labels| labels.any());
        set.sequences(split, |_| true, 30);
    }
}

/// Gives the table a right checksum, whatever is in it.
fn sign(files: &mut Files) {
    let table = &files
        .iter()
        .find(|(n, _)| n == Path::new("faces.csv"))
        .unwrap()
        .1;
    let sum: String = Sha256::digest(table)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let manifest = files
        .iter_mut()
        .find(|(n, _)| n == Path::new("manifest.json"))
        .unwrap();
    if let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(&manifest.1)
        && value["files"].is_object()
    {
        value["files"]["faces_sha256"] = sum.into();
        manifest.1 = value.to_string().into_bytes();
    }
}

/// What may be done to a file.
#[derive(Debug, Clone)]
enum Harm {
    Cut(usize),
    Flip(usize, u8),
    Put(usize, Vec<u8>),
    Empty,
}

fn harm() -> impl Strategy<Value = Harm> {
    let place = any::<usize>;
    prop_oneof![
        place().prop_map(Harm::Cut),
        (place(), 1u8..).prop_map(|(at, by)| Harm::Flip(at, by)),
        (place(), prop::collection::vec(any::<u8>(), 1..6)).prop_map(|(at, b)| Harm::Put(at, b)),
        (place(), "[0-9,.\\-eE\n\"a-z]{1,5}").prop_map(|(at, t)| Harm::Put(at, t.into_bytes())),
        Just(Harm::Empty),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_set_is_an_error_and_never_a_panic(
        file in 0usize..3, harms in prop::collection::vec(harm(), 1..3), signed: bool,
    ) {
        let mut files = made().clone();
        let bytes = &mut files[file].1;
        for harm in harms {
            let length = bytes.len().max(1);
            match harm {
                Harm::Cut(at) => bytes.truncate(at % length),
                Harm::Flip(at, by) => if let Some(byte) = bytes.get_mut(at % length) { *byte ^= by },
                Harm::Put(at, more) => {
                    let at = at % (bytes.len() + 1);
                    bytes.splice(at..at, more);
                }
                Harm::Empty => bytes.clear(),
            }
        }
        if signed {
            sign(&mut files);
        }
        let folder = tempfile::tempdir().unwrap();
        write(&files, folder.path());
        match Set::open(folder.path()) {
            Ok(set) => {
                read_all(&set);
                // Pictures are checked when that is asked for.
                if file == 0 && files[0].1 != made()[0].1 && !signed {
                    let _ = set.verify();
                }
            }
            Err(error) => prop_assert!(error.to_string().ends_with('.'), "{error}"),
        }
    }
}

#[test]
fn a_set_says_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Set::open(folder.path());
    assert!(matches!(open(), Err(SetError::NoSet { .. })));
    write(made(), folder.path());
    let set = open().unwrap();
    read_all(&set);
    set.verify().unwrap();

    let at = |name: &str| {
        made()
            .iter()
            .position(|(n, _)| n == Path::new(name))
            .unwrap()
    };
    let (faces, manifest, pictures) = (at("faces.csv"), at("manifest.json"), at("pictures.bin"));
    let broken = |change: &dyn Fn(&mut Files)| {
        let mut files = made().clone();
        change(&mut files);
        let folder = tempfile::tempdir().unwrap();
        write(&files, folder.path());
        (Set::open(folder.path()).map(|_| ()).unwrap_err(), folder)
    };
    let (error, _) = broken(&|files| files[pictures].1.truncate(5000));
    assert!(error.to_string().contains("5000 bytes"), "{error}");
    let (error, _) = broken(&|files| files[faces].1[400] ^= 1);
    assert!(error.to_string().contains("checksum"), "{error}");
    let (error, _) = broken(&|files| {
        let text = String::from_utf8(files[manifest].1.clone()).unwrap();
        files[manifest].1 = text
            .replacen("\"version\": 1", "\"version\": 2", 1)
            .into_bytes();
    });
    assert!(
        matches!(error, SetError::Version { found: 2, .. }),
        "{error}"
    );
    // A face that was moved by hand to the other split.
    let (error, _) = broken(&|files| {
        let text = String::from_utf8(files[faces].1.clone()).unwrap();
        files[faces].1 = text.replacen(",train,", ",validation,", 1).into_bytes();
        sign(files);
    });
    assert!(error.to_string().contains("manifest"), "{error}");
    // A picture behind the last one.
    let (error, _) = broken(&|files| {
        let text = String::from_utf8(files[faces].1.clone()).unwrap();
        files[faces].1 = text
            .replacen("\n0,", "\n18446744073709551615,", 1)
            .into_bytes();
        sign(files);
    });
    assert!(error.to_string().contains("behind the last"), "{error}");

    let mut files = made().clone();
    files[pictures].1[77] ^= 1;
    let folder = tempfile::tempdir().unwrap();
    write(&files, folder.path());
    assert!(Set::open(folder.path()).unwrap().verify().is_err());
}
