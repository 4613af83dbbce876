//! One folder: its tables, and what lies beside them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::table::glance;
use super::{Kind, Session, Whole};
use crate::clock::utc_text;
use crate::formats::labels::{LabelFormat, sniff};
use crate::formats::output::part_path;
use crate::formats::sidecar::sidecar_path;
use crate::review::{Faces, journal};
use crate::source::SourceSpec;

/// Sidecars are small.
const MOST_SIDECAR: u64 = 1 << 20;
/// Enough of a file to tell what labels it has.
const SNIFFED: u64 = 16 << 10;
/// Files that may belong to one session's labels; a session with more is no session of one video.
const MOST_LABELS: usize = 64;
/// What was written to just now is being written; its lock is not tried, which would stand in the way of its writer.
const JUST_NOW: Duration = Duration::from_secs(3);
/// Endings of tables.
const TABLES: [&str; 3] = ["csv", "jsonl", "parquet"];
/// Endings of labels.
const LABELS: [&str; 6] = ["txt", "csv", "tsv", "jsonl", "json", "lst"];
/// Endings of what labels and tables are of.
const MEDIA: [&str; 20] = [
    "mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv", "flv", "ts", "3gp", "ogv",
    "jpg", "jpeg", "png", "bmp", "gif", "tif", "webp",
];
/// Folders beside a video into which labels of both kinds are saved.
const LABEL_FOLDERS: [&str; 2] = ["EXPR_Set", "VA_Set"];

/// Whether what was analysed was a file or a folder.
pub(super) fn is_path(source: &str) -> bool {
    let Ok(spec) = source.parse::<SourceSpec>();
    matches!(spec, SourceSpec::Path(_))
}

/// The names in a folder, sorted.
pub(super) struct Listing {
    folder: PathBuf,
    /// Folders that are not hidden.
    pub folders: Vec<OsString>,
    files: BTreeSet<OsString>,
}

/// A table and what its name says.
struct Candidate {
    /// Its whole path, perhaps a part file's.
    table: PathBuf,
    /// The path that it has, or would have had in the end.
    ends_as: PathBuf,
    part: bool,
    name: String,
    sidecar: Option<Value>,
}

impl Listing {
    /// Reads a folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let mut listing = Self {
            folder: folder.to_owned(),
            folders: Vec::new(),
            files: BTreeSet::new(),
        };
        for entry in std::fs::read_dir(folder)? {
            // A single entry that cannot be had says nothing of the others.
            let Ok(entry) = entry else { continue };
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // Asked of the link's end only where it is one.
            let kind = entry.file_type();
            let is_dir = match kind {
                Ok(kind) if !kind.is_symlink() => kind.is_dir(),
                _ => folder.join(&name).is_dir(),
            };
            if is_dir {
                listing.folders.push(name);
            } else {
                listing.files.insert(name);
            }
        }
        listing.folders.sort();
        Ok(listing)
    }

    /// The sessions in it.
    pub fn sessions(&self) -> Vec<Session> {
        let files = self.files.iter().filter_map(|name| self.candidate(name));
        let candidates: Vec<Candidate> = files.collect();
        candidates.iter().map(|c| self.session(c)).collect()
    }

    fn candidate(&self, file: &OsString) -> Option<Candidate> {
        let text = file.to_str()?;
        let (text, part) = match text.strip_suffix(".part") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (stem, ending) = text.rsplit_once('.')?;
        if !TABLES.contains(&ending.to_ascii_lowercase().as_str())
            || text.ends_with(journal::ENDING)
        {
            return None;
        }
        let ends_as = self.folder.join(text);
        let beside = sidecar_path(&ends_as);
        let known = |path: &Path| path.file_name().is_some_and(|n| self.files.contains(n));
        let sidecar = known(&beside).then(|| sidecar_of_rows(&beside)).flatten();
        let name = stem.strip_suffix(".affect");
        if name.is_none() && sidecar.is_none() {
            return None;
        }
        Some(Candidate {
            table: self.folder.join(file),
            ends_as,
            part,
            name: name.unwrap_or(stem).to_owned(),
            sidecar,
        })
    }

    fn session(&self, c: &Candidate) -> Session {
        let text = |keys: [&str; 2]| {
            let value = c.sidecar.as_ref().map(|s| &s[keys[0]][keys[1]]);
            value.and_then(Value::as_str).map(str::to_owned)
        };
        let protocol = text(["protocol", "name"]);
        let recorded = c.sidecar.as_ref().is_some_and(|s| s["picture"].is_object())
            || protocol.as_deref() == Some("live");
        let source = text(["source", "given"]);
        let picture = recorded.then(|| self.picture(c)).flatten();
        let video = picture.clone().or_else(|| self.video(c, source.as_deref()));
        let mut session = Session {
            name: c.name.clone(),
            table: c.table.clone(),
            kind: if recorded {
                Kind::Recording
            } else {
                Kind::Analysis
            },
            whole: Whole::Yes,
            trouble: None,
            when: String::new(),
            frames: None,
            length_s: None,
            weights: text(["weights", "name"]),
            source,
            video,
            labels: Vec::new(),
            own: Vec::new(),
            bytes: 0,
        };
        self.look_at(&mut session, c, protocol.as_deref());
        session.labels = self.labels(&session);
        session.own = self.own(&session, c, picture.as_deref());
        let bytes = session.own.iter().filter_map(|p| p.metadata().ok());
        session.bytes = bytes.map(|m| m.len()).sum();
        session
    }

    fn look_at(&self, session: &mut Session, c: &Candidate, protocol: Option<&str>) {
        let modified = c.table.metadata().and_then(|m| m.modified());
        let modified = modified.unwrap_or(SystemTime::UNIX_EPOCH);
        session.when = stamped(&c.name).unwrap_or_else(|| utc_text(modified));
        if c.part {
            (session.whole, session.trouble) = if is_being_written(&c.table, modified) {
                let words = "It is being written at this moment.";
                (Whole::Running, Some(words.to_owned()))
            } else {
                let words = "Unfinished: the program that wrote it ended early. What is there can be opened.";
                (Whole::Unfinished, Some(words.to_owned()))
            };
        }
        match glance(&c.table) {
            Ok(glance) => {
                session.frames = glance.frames;
                // Unrelated pictures have no length.
                let timed = protocol != Some("stills");
                session.length_s = glance.length_s.filter(|_| timed);
                if glance.cut && session.whole == Whole::Yes {
                    session.whole = Whole::Unfinished;
                    session.trouble = Some("Its last row is cut off.".to_owned());
                }
            }
            Err(_) if session.whole == Whole::Running => {}
            Err(reason) => {
                session.whole = Whole::No;
                session.trouble = Some(reason);
            }
        }
    }

    /// The picture of a recording: as its sidecar calls it, else by its name.
    fn picture(&self, c: &Candidate) -> Option<PathBuf> {
        let said = c.sidecar.as_ref()?["picture"]["file"].as_str();
        let by_name = c.ends_as.with_extension("mkv");
        // A name, never a path to elsewhere.
        let said = said.and_then(|n| Path::new(n).file_name());
        let said = said.map(|name| self.folder.join(name));
        said.into_iter().chain([by_name]).find(|p| p.is_file())
    }

    /// What was analysed, where it still is: as it was given, else of that name beside the table, else of the table's.
    fn video(&self, c: &Candidate, source: Option<&str>) -> Option<PathBuf> {
        if let Some(source) = source {
            if !is_path(source) {
                return None;
            }
            let given = Path::new(source);
            let beside = given.file_name().map(|name| self.folder.join(name));
            // `--out tables/` gives names that are as seen from further up.
            let above = self.folder.ancestors().skip(1).take(3);
            let places = [Some(self.folder.join(given)), beside];
            let mut places = places
                .into_iter()
                .flatten()
                .chain(above.map(|a| a.join(given)));
            if let Some(video) = places.find(|p| p.exists()) {
                return Some(video);
            }
        }
        let media = |name: &OsString| {
            let path = Path::new(name);
            let stem = path.file_stem().and_then(|s| s.to_str());
            stem == Some(&*c.name) && has_ending(path, &MEDIA)
        };
        let file = self.files.iter().find(|n| media(n));
        let folder = self.folders.iter().find(|n| n.to_str() == Some(&*c.name));
        file.or(folder).map(|name| self.folder.join(name))
    }

    /// Labels beside the table and beside the video.
    fn labels(&self, session: &Session) -> Vec<PathBuf> {
        let stem = |path: &Path| Some(path.file_stem()?.to_str()?.to_owned());
        let video = session.video.as_deref();
        let mine: Vec<String> = [Some(session.name.clone()), video.and_then(stem)]
            .into_iter()
            .flatten()
            .collect();
        let mut labels = self.labels_of(&mine);
        let elsewhere = video
            .and_then(Path::parent)
            .filter(|f| *f != self.folder && !f.as_os_str().is_empty());
        if let Some(other) = elsewhere.and_then(|f| Self::of(f).ok()) {
            labels.extend(other.labels_of(&mine));
        }
        labels.truncate(MOST_LABELS);
        labels
    }

    /// Files of labels here that are named for one of these, and for nothing longer that is here, too.
    fn labels_of(&self, mine: &[String]) -> Vec<PathBuf> {
        let named = |name: &OsString| {
            let path = Path::new(name);
            let stem = path.file_stem()?.to_str()?;
            (has_ending(path, &MEDIA)).then(|| stem.to_owned())
        };
        let tables = self.files.iter().filter_map(|n| self.candidate(n));
        let tables: Vec<Candidate> = tables.collect();
        let folders = self.folders.iter().filter_map(|n| n.to_str());
        let mut names: BTreeSet<String> = self.files.iter().filter_map(named).collect();
        names.extend(tables.iter().map(|c| c.name.clone()));
        names.extend(folders.map(str::to_owned));
        names.extend(mine.iter().cloned());
        let is_mine = |stem: &str| {
            let fits = names.iter().filter(|name| belongs(stem, name));
            let best = fits.max_by_key(|name| name.len());
            best.is_some_and(|best| mine.contains(best))
        };
        let is_table = |path: &Path| tables.iter().any(|c| c.table == path);
        let mut labels = Vec::new();
        let mut take = |folder: &Path, files: &BTreeSet<OsString>| {
            for name in files {
                let path = folder.join(name);
                let stem = Path::new(name).file_stem().and_then(|s| s.to_str());
                if has_ending(&path, &LABELS)
                    && stem.is_some_and(is_mine)
                    && !is_table(&path)
                    && labels.len() < MOST_LABELS
                    && is_labels(&path)
                {
                    labels.push(path);
                }
            }
        };
        take(&self.folder, &self.files);
        for name in LABEL_FOLDERS {
            let there = self.folders.iter().any(|f| f == name);
            if let Some(inner) = there
                .then(|| Self::of(&self.folder.join(name)).ok())
                .flatten()
            {
                take(&inner.folder, &inner.files);
            }
        }
        labels
    }

    /// What goes with the table when it is renamed or deleted.
    fn own(&self, session: &Session, c: &Candidate, picture: Option<&Path>) -> Vec<PathBuf> {
        let sidecar = c.sidecar.as_ref().map(|_| sidecar_path(&c.ends_as));
        let faces = Faces::path_beside(&c.table);
        let mut own = vec![c.table.clone()];
        // A finished table of the same name has the sidecar, too.
        let shared = c.part && c.ends_as.exists();
        own.extend(sidecar.filter(|_| !shared));
        own.extend([faces, journal::path_beside(&c.table)]);
        if session.kind == Kind::Recording {
            if let Some(picture) = picture.filter(|_| !shared) {
                own.extend([picture.to_owned(), journal::path_beside(picture)]);
            }
            let film = c.ends_as.with_extension("mkv");
            own.push(part_path(&film));
            // Labels are the recording's where they are named as it is, beside it, and of no video but its own: those of the
            // file that was recorded from stay with that file.
            let video = session.video.as_deref();
            let alone = video.is_none() || video == picture;
            let its = |labels: &&PathBuf| {
                let stem = labels.file_stem().and_then(|s| s.to_str());
                alone
                    && c.table.parent().is_some_and(|f| labels.starts_with(f))
                    && stem.is_some_and(|stem| belongs(stem, &session.name))
            };
            for labels in session.labels.iter().filter(its) {
                own.push(labels.clone());
                own.extend(label_sidecar(labels));
            }
        }
        own.retain(|path| path.symlink_metadata().is_ok());
        let mut seen = BTreeSet::new();
        own.retain(|path| seen.insert(path.clone()));
        own
    }
}

/// Whether a stem is this name, or this name with something behind it.
fn belongs(stem: &str, name: &str) -> bool {
    stem.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_', '-', ' ']))
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|e| e.to_str());
    ending.is_some_and(|e| endings.contains(&e.to_ascii_lowercase().as_str()))
}

/// The content of a small file of JSON that this program wrote.
fn own_json(path: &Path) -> Option<Value> {
    let there = path.metadata().ok()?;
    if !there.is_file() || there.len() > MOST_SIDECAR {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    (value["program"] == "affectscope").then_some(value)
}

/// The sidecar of a table of rows; those of labels have no protocol.
fn sidecar_of_rows(path: &Path) -> Option<Value> {
    own_json(path).filter(|value| value["protocol"].is_object())
}

/// The sidecar of labels that were saved here.
fn label_sidecar(labels: &Path) -> Option<PathBuf> {
    let name = labels.file_name()?.to_str()?;
    let own = labels.with_file_name(format!("{name}.json"));
    let is = |path: &PathBuf| {
        own_json(path).is_some_and(|v| v["holds"] == "labels" && v["file"] == *name)
    };
    [sidecar_path(labels), own].into_iter().find(is)
}

/// Whether a file is of labels, by its beginning; rows of ours are predictions.
fn is_labels(path: &Path) -> bool {
    let mut bytes = Vec::new();
    if !path.is_file() {
        return false;
    }
    let read = File::open(path).and_then(|f| f.take(SNIFFED).read_to_end(&mut bytes));
    read.is_ok()
        && sniff(&bytes).is_some_and(|format| {
            !matches!(format, LabelFormat::Affectscope | LabelFormat::Openface)
        })
}

/// Whether a part file is somebody's at this moment.
fn is_being_written(path: &Path, modified: SystemTime) -> bool {
    if modified.elapsed().is_ok_and(|age| age < JUST_NOW) {
        return true;
    }
    let locked = File::open(path).map(|file| file.try_lock_shared());
    matches!(locked, Ok(Err(std::fs::TryLockError::WouldBlock)))
}

/// The time in a recording's name, `affectscope-20260730-134501Z`.
fn stamped(name: &str) -> Option<String> {
    let stamp = name.strip_prefix("affectscope-")?.get(..16)?;
    let (day, time) = stamp.strip_suffix('Z')?.split_once('-')?;
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    (digits(day, 8) && digits(time, 6)).then(|| {
        format!(
            "{}-{}-{}T{}:{}:{}Z",
            &day[..4],
            &day[4..6],
            &day[6..],
            &time[..2],
            &time[2..4],
            &time[4..]
        )
    })
}
