//! Who the faces of a table are: names, and ids that are one person's.
//!
//! The tracker gives a new id to a face that was away for a while. What people say of the ids lies beside the table, as
//! `NAME.faces.json`; the rows are never changed. It belongs to these very rows: other predictions for the same video
//! have other ids, so the file knows the table's content, and is not taken for another.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::entry::FileId;
use crate::formats::labels::Label;
use crate::formats::output::{OutputError, write_whole};

/// What follows a table's name, without its ending.
const ENDING: &str = "faces.json";
/// No file of names is longer.
const MOST_BYTES: u64 = 1 << 20;
/// Letters of a name.
pub const MOST_LETTERS: usize = 60;

/// Why a file of names cannot be used. The ids then stand for themselves.
#[derive(Debug, thiserror::Error)]
pub enum FacesError {
    /// The system refuses.
    #[error("{path}: the names of faces cannot be read ({reason}). Check the file; until then faces go by their ids.", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        reason: io::Error,
    },
    /// It is something else, or damaged.
    #[error("{path}: no file of faces' names ({reason}). Mend or remove it; until then faces go by their ids.", path = path.display())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The rows are not those that the names were given for.
    #[error("{path}: the names are of other predictions than those beside it, so faces go by their ids. Remove it to name them anew.", path = .0.display())]
    OtherRows(PathBuf),
}

/// Names of faces, and which ids are one person's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faces {
    /// By the id that stands for the face.
    names: BTreeMap<u32, String>,
    /// An id, and the one that it is. No value is a key.
    joined: BTreeMap<u32, u32>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    program: String,
    version: String,
    holds: String,
    predictions: FileId,
    names: BTreeMap<u32, String>,
    joined: BTreeMap<u32, u32>,
    #[serde(default)]
    note: String,
}

impl Faces {
    /// The id that stands for this one.
    pub fn one(&self, id: u32) -> u32 {
        self.joined.get(&id).copied().unwrap_or(id)
    }

    /// The name of a face, by any of its ids.
    pub fn name(&self, id: u32) -> Option<&str> {
        self.names.get(&self.one(id)).map(String::as_str)
    }

    /// What to call it: its name, else `face 3`.
    pub fn title(&self, id: u32) -> String {
        match self.name(id) {
            Some(name) => name.to_owned(),
            None => format!("face {}", self.one(id)),
        }
    }

    /// The id of the face of this name, in capitals or not; the lowest, where several have it.
    pub fn named(&self, name: &str) -> Option<u32> {
        let wanted = name.trim().to_lowercase();
        let mut names = self.names.iter();
        names
            .find(|(_, n)| n.to_lowercase() == wanted)
            .map(|(id, _)| *id)
    }

    /// Ids that were joined to this face, ascending.
    pub fn joined_to(&self, id: u32) -> impl Iterator<Item = u32> + '_ {
        let one = self.one(id);
        let mine = self.joined.iter().filter(move |(_, to)| **to == one);
        mine.map(|(id, _)| *id)
    }

    /// Names a face; an empty name takes it away. Blanks around it and what is no letter on paper go.
    pub fn set_name(&mut self, id: u32, name: &str) {
        let plain = name.trim().chars().filter(|c| !c.is_control());
        let name: String = plain.take(MOST_LETTERS).collect();
        let one = self.one(id);
        if name.is_empty() {
            self.names.remove(&one);
        } else {
            self.names.insert(one, name);
        }
    }

    /// Says that one id, with all that were joined to it, is the person of another. The other's name stays, where it has
    /// one. False when they are one already.
    pub fn join(&mut self, id: u32, with: u32) -> bool {
        let (from, to) = (self.one(id), self.one(with));
        if from == to {
            return false;
        }
        for one in self.joined.values_mut().filter(|one| **one == from) {
            *one = to;
        }
        self.joined.insert(from, to);
        if let Some(name) = self.names.remove(&from) {
            self.names.entry(to).or_insert(name);
        }
        true
    }

    /// Takes an id apart from the face that it was joined to. False when it was joined to none.
    pub fn part(&mut self, id: u32) -> bool {
        self.joined.remove(&id).is_some()
    }

    /// Gives all rows of a face one id, and takes that id from all others. On a frame with several of its ids the row of the
    /// id that stands for them keeps it, else the first. `face` is that id; without one nobody has it.
    pub fn gather(&self, labels: &mut [Label], face: Option<u32>, id: u32) {
        let is = |l: &Label| face.is_some() && l.face_id.map(|id| self.one(id)) == face;
        let mut best: BTreeMap<Option<u64>, usize> = BTreeMap::new();
        for (i, label) in labels.iter().enumerate().filter(|(_, l)| is(l)) {
            let known = best.entry(label.frame).or_insert(i);
            if label.face_id == face && labels[*known].face_id != face {
                *known = i;
            }
        }
        for (i, label) in labels.iter_mut().enumerate() {
            if is(label) {
                label.face_id = (best.get(&label.frame) == Some(&i)).then_some(id);
            } else if label.face_id == Some(id) {
                label.face_id = None;
            }
        }
    }

    /// Whether every id stands for itself, without a name.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.joined.is_empty()
    }

    /// Where the names for a table lie.
    pub fn path_beside(predictions: &Path) -> PathBuf {
        predictions.with_extension(ENDING)
    }

    /// Reads what lies beside a table; nothing, where there is no such file.
    ///
    /// # Errors
    /// [`FacesError`].
    pub fn read(predictions: &Path) -> Result<Self, FacesError> {
        let path = Self::path_beside(predictions);
        let io = |path: &Path| {
            let path = path.to_owned();
            move |reason| FacesError::Io { path, reason }
        };
        match path.metadata() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(io(&path)(e)),
            Ok(there) if !there.is_file() || there.len() > MOST_BYTES => {
                let reason = "it is no ordinary file, or too long".to_owned();
                return Err(FacesError::Wrong { path, reason });
            }
            Ok(_) => {}
        }
        let text = std::fs::read_to_string(&path).map_err(io(&path))?;
        let wrong = |reason: String| FacesError::Wrong {
            path: path.clone(),
            reason,
        };
        let kept: Kept = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        if (kept.program.as_str(), kept.holds.as_str()) != ("affectscope", "faces") {
            return Err(wrong("it holds something else".to_owned()));
        }
        // The length first: whoever has another is told without reading on.
        let length = predictions.metadata().map_err(io(predictions))?.len();
        let same = length == kept.predictions.bytes
            && FileId::of(predictions)
                .map_err(io(predictions))?
                .is(&kept.predictions);
        if !same {
            return Err(FacesError::OtherRows(path));
        }
        let mut faces = Self::default();
        // By hand somebody may have written a chain or a ring.
        for (id, with) in kept.joined {
            faces.join(id, with);
        }
        for (id, name) in kept.names {
            faces.set_name(id, &name);
        }
        Ok(faces)
    }

    /// Writes it beside a table, over what was there; gives its path. One without names and joins is written as well:
    /// somebody took them away.
    ///
    /// # Errors
    /// When the table cannot be read, or the file not be written.
    pub fn write(&self, predictions: &Path) -> Result<PathBuf, OutputError> {
        let path = Self::path_beside(predictions);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |reason| OutputError::Io { path, reason }
        };
        let kept = Kept {
            program: "affectscope".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            holds: "faces".to_owned(),
            predictions: FileId::of(predictions).map_err(failed(predictions))?,
            names: self.names.clone(),
            joined: self.joined.clone(),
            note: "names of face ids, and ids that are one person's; the rows are as they were"
                .to_owned(),
        };
        let mut text = serde_json::to_string_pretty(&kept)
            .map_err(|e| failed(&path)(io::Error::other(e.to_string())))?;
        text.push('\n');
        write_whole(&path, text.as_bytes(), true)?;
        Ok(path)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_that_are_one_go_by_one_name() {
        let mut faces = Faces::default();
        faces.set_name(4, "  Ben\n ");
        assert!(faces.join(4, 1) && !faces.join(1, 4));
        // The name came along, and is that of both.
        assert_eq!((faces.one(4), faces.name(1)), (1, Some("Ben")));
        faces.set_name(2, "Anna");
        // Four is one, and one becomes two: all are two, who has a name already.
        assert!(faces.join(4, 2));
        assert_eq!([1, 2, 4].map(|id| faces.one(id)), [2, 2, 2]);
        assert_eq!(faces.title(1), "Anna");
        assert_eq!(faces.joined_to(2).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(faces.named("ANNA "), Some(2));
        assert!(faces.part(4) && !faces.part(4));
        assert_eq!(
            (faces.title(4), faces.title(1)),
            ("face 4".into(), "Anna".into())
        );
        faces.set_name(1, " ");
        assert_eq!(faces.title(2), "face 2");
    }

    #[test]
    fn the_rows_of_one_person_are_gathered_under_one_id() {
        let label = |frame, id| Label {
            frame: Some(frame),
            face_id: Some(id),
            ..Label::default()
        };
        let rows = [(0, 1), (0, 2), (1, 4), (1, 1), (2, 6), (2, 4), (3, 2)];
        let labels: Vec<Label> = rows.iter().map(|&(f, id)| label(f, id)).collect();
        let mut faces = Faces::default();
        faces.join(4, 1);
        faces.join(6, 1);
        let gathered = |face, id| {
            let mut labels = labels.clone();
            faces.gather(&mut labels, face, id);
            labels.iter().map(|l| l.face_id).collect::<Vec<_>>()
        };
        // On frame 1 its own row, on frame 2 the first.
        let one = [Some(1), Some(2), None, Some(1), Some(1), None, Some(2)];
        assert_eq!(gathered(Some(1), 1), one);
        // Under the number of somebody else, who then has none.
        let other = [Some(2), None, None, Some(2), Some(2), None, None];
        assert_eq!(gathered(Some(1), 2), other);
        assert_eq!(gathered(None, 2)[1], None);
    }

    #[test]
    fn names_are_of_these_very_rows() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("talk.affect.csv");
        std::fs::write(&table, "frame,status\n0,no_face\n").unwrap();
        assert_eq!(Faces::read(&table).unwrap(), Faces::default());
        let mut faces = Faces::default();
        faces.set_name(1, "Anna \"A\" Ä");
        faces.join(7, 1);
        let path = faces.write(&table).unwrap();
        assert_eq!(path, folder.path().join("talk.affect.faces.json"));
        assert_eq!(Faces::read(&table).unwrap(), faces);
        // The same table elsewhere, under another name, is still the same.
        let moved = folder.path().join("b.csv");
        std::fs::copy(&table, &moved).unwrap();
        std::fs::copy(&path, Faces::path_beside(&moved)).unwrap();
        assert_eq!(Faces::read(&moved).unwrap(), faces);
        // As long, and yet another.
        std::fs::write(&table, "frame,status\n1,no_face\n").unwrap();
        let error = Faces::read(&table).unwrap_err();
        assert!(matches!(error, FacesError::OtherRows(_)), "{error}");
        std::fs::write(&path, "{\"program\":\"affectscope\"}").unwrap();
        let error = Faces::read(&table).unwrap_err();
        assert!(matches!(error, FacesError::Wrong { .. }), "{error}");
    }

    proptest! {
        #[test]
        fn however_ids_are_joined_and_parted_none_stands_for_another_that_is_joined(
            steps in prop::collection::vec((0u8..3, 0u32..6, 0u32..6), 0..40)
        ) {
            let mut faces = Faces::default();
            for (what, a, b) in steps {
                match what {
                    0 => { faces.join(a, b); prop_assert_eq!(faces.one(a), faces.one(b)); }
                    1 => { faces.part(a); prop_assert_eq!(faces.one(a), a); }
                    _ => faces.set_name(a, "x"),
                }
            }
            for id in 0..6 {
                prop_assert_eq!(faces.one(faces.one(id)), faces.one(id));
            }
        }
    }
}
