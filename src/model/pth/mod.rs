//! PyTorch checkpoints (`.pth`, `.pt`): the state dict that `torch.save` put into a zip file.
//!
//! Nothing in the file is executed: the pickle is read as data (see [`pickle`]), the values are taken from the archive's
//! stored members. What is read is bounded by the file's own length: members must be stored, not packed, and all
//! tensors together may not have more values than the file has bytes.

mod names;
mod pickle;
mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use candle_core::{Device, Tensor};
use zip::{CompressionMethod, ZipArchive};

pub(super) use self::names::student;
use self::value::{Heap, Id, Kind, TensorView, Value};

/// The state dict of a network of this family has 60 kB of pickle; with an optimizer's, some hundreds.
const LARGEST_PICKLE_BYTES: u64 = 4 << 20;

/// What a state dict may lie under, outermost first; several may be nested.
const NESTS: [&str; 5] = ["state_dict", "model", "model_state_dict", "net", "network"];

/// Whether a file begins as a zip archive or as a bare pickle does.
pub(super) fn looks_like_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK") || is_legacy(bytes)
}

/// Before PyTorch 1.6: a pickled magic number, then pickles and raw storages one after the other; before 0.1.10: tar.
fn is_legacy(bytes: &[u8]) -> bool {
    (bytes.first() == Some(&0x80) && bytes.get(1).is_some_and(|v| (2..=5).contains(v)))
        || bytes.get(257..262) == Some(b"ustar")
}

/// The float tensors of a state dict by their names, `module.` in front of them left out.
///
/// `Err` says, as a sentence, why the file cannot be used.
pub(super) fn read(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    if is_legacy(bytes) {
        return Err("it is in PyTorch's old format, from before version 1.6. Save it again with a newer one: \
                    torch.save(torch.load(FILE, map_location=\"cpu\"), NEW_FILE)."
            .to_owned());
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| {
        format!("it is cut off or damaged: its zip directory cannot be read ({e}).")
    })?;
    let index = archive
        .file_names()
        .filter_map(Result::ok)
        .filter(|name| name.rsplit('/').next() == Some("data.pkl"))
        .min_by_key(|name| (name.len(), name.to_string()))
        .map(Cow::into_owned)
        .ok_or("it is a zip archive without `data.pkl`: no PyTorch checkpoint.")?;
    let folder = index.trim_end_matches("data.pkl").to_owned();
    if archive
        .index_for_name(&format!("{folder}constants.pkl"))
        .is_some()
    {
        return Err("it is a TorchScript program. Give the state dict: torch.save(model.state_dict(), FILE).".to_owned());
    }
    if archive
        .index_for_name(&format!("{folder}byteorder"))
        .is_some()
        && member(&mut archive, &format!("{folder}byteorder"), 16)? != b"little"
    {
        return Err("it was written on a big-endian machine. Save it again on another.".to_owned());
    }
    let heap = pickle::read(&member(&mut archive, &index, LARGEST_PICKLE_BYTES)?)
        .map_err(|e| format!("{e}."))?;
    let views = state_dict(&heap)?;

    if views.values().all(|view| view.kind == Kind::Whole) {
        return Err("its tensors hold whole numbers; those of a network are float16, bfloat16, float32 or float64."
            .to_owned());
    }

    // Each storage is read once, whatever the number of its views.
    let mut by_storage: BTreeMap<&str, Vec<(&str, &TensorView)>> = BTreeMap::new();
    let mut wanted: u64 = 0;
    for (name, view) in &views {
        if view.kind == Kind::Whole {
            continue;
        }
        wanted = elements(&view.shape)
            .and_then(|count| count.checked_add(wanted))
            .filter(|&sum| sum <= bytes.len() as u64)
            .ok_or_else(|| {
                format!(
                    "the tensor `{name}` is said to be {:?}: its tensors have more values than the file has bytes.",
                    view.shape
                )
            })?;
        by_storage.entry(&view.key).or_default().push((name, view));
    }
    let mut tensors = BTreeMap::new();
    for (key, views) in by_storage {
        let data = member(
            &mut archive,
            &format!("{folder}data/{key}"),
            bytes.len() as u64,
        )?;
        for (name, view) in views {
            let values = gather(&data, view).ok_or_else(|| {
                format!("the tensor `{name}` reaches beyond its storage; the file is damaged.")
            })?;
            let shape: Vec<usize> = view.shape.iter().map(|&n| n as usize).collect();
            let tensor = Tensor::from_vec(values, shape, &Device::Cpu)
                .map_err(|e| format!("the tensor `{name}` cannot be used ({e})."))?;
            tensors.insert(name.to_owned(), tensor);
        }
    }
    Ok(tensors)
}

/// A stored member, whole.
fn member(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
    most: u64,
) -> Result<Vec<u8>, String> {
    let mut file = archive
        .by_name(name)
        .map_err(|e| format!("its part `{name}` cannot be read ({e}).",))?;
    if file.compression() != CompressionMethod::Stored {
        return Err(format!(
            "its part `{name}` is compressed, which torch.save never does. Save it again with torch.save."
        ));
    }
    let size = file.size();
    if size > most {
        return Err(format!("its part `{name}` is too large ({size} bytes)."));
    }
    let mut data = Vec::with_capacity(size as usize);
    // Also checks the member's checksum.
    file.by_ref()
        .take(size + 1)
        .read_to_end(&mut data)
        .map_err(|e| format!("its part `{name}` is damaged ({e})."))?;
    if data.len() as u64 != size {
        return Err(format!("its part `{name}` is cut off."));
    }
    Ok(data)
}

/// The tensors of the state dict, wherever it lies.
fn state_dict(heap: &Heap) -> Result<BTreeMap<String, TensorView>, String> {
    let mut at = heap.root;
    for _ in 0..4 {
        let found: BTreeMap<String, TensorView> = heap
            .entries(at)
            .filter_map(|(name, id)| match heap.get(id) {
                Value::Tensor(view) => Some((plain_name(name).to_owned(), view.clone())),
                _ => None,
            })
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
        match nested(heap, at) {
            Some(deeper) => at = deeper,
            None => break,
        }
    }
    let keys: Vec<&str> = heap
        .entries(heap.root)
        .map(|(key, _)| key)
        .take(8)
        .collect();
    Err(match heap.get(heap.root) {
        Value::Dict(_) => format!(
            "it holds no state dict of float tensors (a dictionary with {}). Save one: torch.save(model.state_dict(), FILE).",
            if keys.is_empty() {
                "nothing in it".to_owned()
            } else {
                format!("`{}`", keys.join("`, `"))
            }
        ),
        _ => "it holds a whole PyTorch object, which only the program that made it can read. Save its state dict: \
              torch.save(model.state_dict(), FILE)."
            .to_owned(),
    })
}

fn nested(heap: &Heap, at: Id) -> Option<Id> {
    NESTS.iter().find_map(|nest| {
        let (_, id) = heap.entries(at).find(|(key, _)| key == nest)?;
        matches!(heap.get(id), Value::Dict(_)).then_some(id)
    })
}

/// Without the `module.` that `DataParallel` puts in front.
fn plain_name(mut name: &str) -> &str {
    while let Some(rest) = name.strip_prefix("module.") {
        name = rest;
    }
    name
}

fn elements(shape: &[u64]) -> Option<u64> {
    shape
        .iter()
        .try_fold(1u64, |product, &n| product.checked_mul(n))
}

/// A view's values in row-major order; `None` when it reaches outside of the storage.
fn gather(data: &[u8], view: &TensorView) -> Option<Vec<f32>> {
    let size = view.kind.bytes()?;
    if view.shape.len() != view.strides.len() {
        return None;
    }
    let count = elements(&view.shape)?;
    if count == 0 {
        return Some(Vec::new());
    }
    let mut last = view.offset;
    for (n, stride) in view.shape.iter().zip(&view.strides) {
        last = last.checked_add((n - 1).checked_mul(*stride)?)?;
    }
    if last >= (data.len() / size) as u64 {
        return None;
    }
    let mut values = Vec::with_capacity(count as usize);
    let mut index = vec![0u64; view.shape.len()];
    let mut at = view.offset;
    for _ in 0..count {
        let start = at as usize * size;
        values.push(number(view.kind, data.get(start..start + size)?)?);
        // The next index, the last dimension first.
        for ((i, n), stride) in index.iter_mut().zip(&view.shape).zip(&view.strides).rev() {
            *i += 1;
            at += stride;
            if *i < *n {
                break;
            }
            at -= *n * stride;
            *i = 0;
        }
    }
    Some(values)
}

fn number(kind: Kind, bytes: &[u8]) -> Option<f32> {
    Some(match kind {
        Kind::F16 => half::f16::from_le_bytes(bytes.try_into().ok()?).to_f32(),
        Kind::Bf16 => half::bf16::from_le_bytes(bytes.try_into().ok()?).to_f32(),
        Kind::F32 => f32::from_le_bytes(bytes.try_into().ok()?),
        Kind::F64 => f64::from_le_bytes(bytes.try_into().ok()?) as f32,
        Kind::Whole => return None,
    })
}
