//! The objects of a checkpoint's pickle, and the few calls that are recognised in it.

/// Where a value lies in the [`Heap`].
pub(super) type Id = u32;

/// The element type of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F16,
    Bf16,
    F32,
    F64,
    /// Whole numbers and truth values: counters, which the network does not use.
    Whole,
}

impl Kind {
    /// By the name of PyTorch's storage class.
    fn of(class: &str) -> Option<Self> {
        Some(match class {
            "torch.HalfStorage" => Self::F16,
            "torch.BFloat16Storage" => Self::Bf16,
            "torch.FloatStorage" => Self::F32,
            "torch.DoubleStorage" => Self::F64,
            "torch.LongStorage" | "torch.IntStorage" | "torch.ShortStorage"
            | "torch.CharStorage" | "torch.ByteStorage" | "torch.BoolStorage" => Self::Whole,
            _ => return None,
        })
    }

    /// Bytes of one element; `None` where nobody reads them.
    pub fn bytes(self) -> Option<usize> {
        match self {
            Self::F16 | Self::Bf16 => Some(2),
            Self::F32 => Some(4),
            Self::F64 => Some(8),
            Self::Whole => None,
        }
    }
}

/// A view into a storage, as `torch._utils._rebuild_tensor_v2` describes it. Offset and strides count elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TensorView {
    pub kind: Kind,
    /// The storage's name in the archive, `data/KEY`.
    pub key: String,
    pub offset: u64,
    pub shape: Vec<u64>,
    pub strides: Vec<u64>,
}

/// One Python object, as far as a checkpoint needs it.
#[derive(Debug)]
pub(super) enum Value {
    Int(i64),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function by its name, `module.name`.
    Name(String),
    Storage(Kind, String),
    Tensor(TensorView),
    /// Everything else: read over, never made.
    Other,
}

/// All values of a pickle.
#[derive(Debug, Default)]
pub(super) struct Heap {
    values: Vec<Value>,
    /// The object that was pickled.
    pub root: Id,
    /// Items copied from one container into another.
    copied: usize,
}

/// Names and keys are short; a long text that is referred to again and again must not be copied each time.
const LONGEST_NAME: usize = 200;

/// A state dict copies no more items than this, as a hostile file might without end.
const MOST_COPIED: usize = 1 << 20;

impl Heap {
    pub fn get(&self, id: Id) -> &Value {
        self.values.get(id as usize).unwrap_or(&Value::Other)
    }

    pub fn get_mut(&mut self, id: Id) -> Option<&mut Value> {
        self.values.get_mut(id as usize)
    }

    /// Keeps a value; `None` when there are too many.
    pub fn add(&mut self, value: Value) -> Option<Id> {
        let id = Id::try_from(self.values.len()).ok()?;
        self.values.push(value);
        Some(id)
    }

    /// The text of a value that is one.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a dictionary whose keys are text.
    pub fn entries(&self, id: Id) -> impl Iterator<Item = (&str, Id)> {
        let entries: &[(Id, Id)] = match self.get(id) {
            Value::Dict(entries) => entries,
            _ => &[],
        };
        entries
            .iter()
            .filter_map(|&(key, value)| Some((self.text(key)?, value)))
    }

    fn items(&self, id: Id) -> &[Id] {
        match self.get(id) {
            Value::Tuple(items) | Value::List(items) => items,
            _ => &[],
        }
    }

    /// `("storage", class, key, device, elements)`
    pub fn storage(&self, id: Id) -> Value {
        if let [_, class, key, ..] = self.items(id)
            && let (Value::Name(class), Value::Text(key)) = (self.get(*class), self.get(*key))
            && key.len() <= LONGEST_NAME
            && let Some(kind) = Kind::of(class)
        {
            return Value::Storage(kind, key.clone());
        }
        Value::Other
    }

    /// `module.name`, by two texts.
    pub fn name(&self, module: Id, name: Id) -> Value {
        match (self.get(module), self.get(name)) {
            (Value::Text(module), Value::Text(name))
                if module.len() + name.len() <= LONGEST_NAME =>
            {
                Value::Name(format!("{module}.{name}"))
            }
            _ => Value::Other,
        }
    }

    /// What a call would have made, for the few that a state dict consists of.
    pub fn recognise(&mut self, callee: Id, arguments: Id) -> Value {
        let Value::Name(name) = self.get(callee) else {
            return Value::Other;
        };
        match (name.as_str(), self.items(arguments)) {
            ("collections.OrderedDict", []) => Value::Dict(Vec::new()),
            // Older Pythons hand the entries over as a list of pairs.
            ("collections.OrderedDict", [list]) => {
                let list = self.items(*list);
                let copied = self.copied + list.len();
                if copied > MOST_COPIED {
                    return Value::Other;
                }
                let pairs = list.iter().filter_map(|pair| match self.items(*pair) {
                    [key, value] => Some((*key, *value)),
                    _ => None,
                });
                let dict = Value::Dict(pairs.collect());
                self.copied = copied;
                dict
            }
            ("torch._utils._rebuild_parameter", [tensor, ..]) => match self.get(*tensor) {
                Value::Tensor(view) => Value::Tensor(view.clone()),
                _ => Value::Other,
            },
            ("torch._utils._rebuild_tensor_v2", [storage, offset, shape, strides, ..]) => self
                .view(*storage, *offset, *shape, *strides)
                .map_or(Value::Other, Value::Tensor),
            _ => Value::Other,
        }
    }

    fn view(&self, storage: Id, offset: Id, shape: Id, strides: Id) -> Option<TensorView> {
        let whole = |id: &Id| match self.get(*id) {
            Value::Int(value) => u64::try_from(*value).ok(),
            _ => None,
        };
        let all = |id: Id| -> Option<Vec<u64>> {
            // A tensor has a handful of dimensions; a hostile one may not cost its weight in views.
            let items = self.items(id);
            (items.len() <= 8).then(|| items.iter().map(whole).collect())?
        };
        let Value::Storage(kind, key) = self.get(storage) else {
            return None;
        };
        Some(TensorView {
            kind: *kind,
            key: key.clone(),
            offset: whole(&offset)?,
            shape: all(shape)?,
            strides: all(strides)?,
        })
    }
}
