//! The pickle inside a checkpoint, read as data: names are recognised, nothing is ever called.
//!
//! `torch.save` writes pickle protocol 2 (a stack machine; Python's `pickletools` documents its opcodes). Values live in
//! one flat heap and refer to each other by number, so that neither a deeply nested nor a self-containing object costs
//! more than its own bytes, and dropping it does not recurse.

use std::collections::HashMap;

use super::value::{Heap, Id, Value};

/// Reads a pickle. `Err` says in words what is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Heap, String> {
    let mut machine = Machine {
        bytes,
        at: 0,
        heap: Heap::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    loop {
        let at = machine.at;
        match machine.step() {
            Ok(None) => {}
            Ok(Some(root)) => {
                machine.heap.root = root;
                return Ok(machine.heap);
            }
            Err(reason) => return Err(format!("its pickle is damaged at byte {at}: {reason}")),
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    heap: Heap,
    stack: Vec<Id>,
    /// Heights of the stack that were marked.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

type Step<T> = Result<T, String>;

fn ended() -> String {
    "it ends early".to_owned()
}

impl Machine<'_> {
    fn take(&mut self, count: usize) -> Step<&[u8]> {
        let end = self.at.checked_add(count).ok_or_else(ended)?;
        let part = self.bytes.get(self.at..end).ok_or_else(ended)?;
        self.at = end;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// A length of 1, 4 or 8 bytes, and so many bytes after it.
    fn counted<const N: usize>(&mut self) -> Step<&[u8]> {
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(&self.array::<N>()?);
        let count = usize::try_from(u64::from_le_bytes(wide)).map_err(|_| ended())?;
        self.take(count)
    }

    fn line(&mut self) -> Step<String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&b| b == b'\n').ok_or_else(ended)?;
        let text = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.at += length + 1;
        Ok(text)
    }

    fn push(&mut self, value: Value) -> Step<()> {
        let id = self.heap.add(value).ok_or("it is too large")?;
        self.stack.push(id);
        Ok(())
    }

    /// The top of the stack, above the last mark.
    fn pop(&mut self) -> Step<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("an operation has nothing to work on".to_owned());
        }
        self.stack.pop().ok_or_else(ended)
    }

    fn top(&self) -> Step<Id> {
        self.stack
            .last()
            .copied()
            .ok_or_else(|| "an operation has nothing to work on".to_owned())
    }

    /// Everything above the last mark, which goes too.
    fn pop_marked(&mut self) -> Step<Vec<Id>> {
        let floor = self
            .marks
            .pop()
            .ok_or_else(|| "a mark is missing".to_owned())?;
        Ok(self.stack.split_off(floor))
    }

    fn tuple(&mut self, count: usize) -> Step<()> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Value::Tuple(items))
    }

    fn text(&mut self, bytes: Vec<u8>) -> Step<()> {
        let text = String::from_utf8(bytes).map_err(|_| "a text is not UTF-8".to_owned())?;
        self.push(Value::Text(text))
    }

    fn remember(&mut self, slot: u32) -> Step<()> {
        let id = self.top()?;
        self.memo.insert(slot, id);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Step<()> {
        let id = *self
            .memo
            .get(&slot)
            .ok_or_else(|| "it refers to something that is not there".to_owned())?;
        self.stack.push(id);
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Step<()> {
        let target = self.top()?;
        let pairs = items.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        if let Some(Value::Dict(entries)) = self.heap.get_mut(target) {
            entries.extend(pairs);
        }
        Ok(())
    }

    fn append(&mut self, items: &[Id]) -> Step<()> {
        let target = self.top()?;
        if let Some(Value::List(list)) = self.heap.get_mut(target) {
            list.extend_from_slice(items);
        }
        Ok(())
    }

    /// One operation; the root at the last one.
    fn step(&mut self) -> Step<Option<Id>> {
        let [code] = self.array()?;
        match code {
            // PROTO and FRAME say nothing that is needed.
            0x80 => {
                self.take(1)?;
            }
            0x95 => {
                self.take(8)?;
            }
            b'.' => return self.pop().map(Some),
            b'(' => self.marks.push(self.stack.len()),
            // POP, POP_MARK, DUP
            b'0' => {
                self.pop()?;
            }
            b'1' => {
                self.pop_marked()?;
            }
            b'2' => {
                let id = self.top()?;
                self.stack.push(id);
            }
            // None, True, False, a float, bytes, an empty set
            b'N' | 0x88 | 0x89 | 0x8f => self.push(Value::Other)?,
            b'G' => {
                self.take(8)?;
                self.push(Value::Other)?;
            }
            b'C' => {
                self.counted::<1>()?;
                self.push(Value::Other)?;
            }
            b'B' => {
                self.counted::<4>()?;
                self.push(Value::Other)?;
            }
            // whole numbers
            b'J' => {
                let value = i64::from(i32::from_le_bytes(self.array()?));
                self.push(Value::Int(value))?;
            }
            b'K' => {
                let value = i64::from(u8::from_le_bytes(self.array()?));
                self.push(Value::Int(value))?;
            }
            b'M' => {
                let value = i64::from(u16::from_le_bytes(self.array()?));
                self.push(Value::Int(value))?;
            }
            0x8a => {
                let value = long(self.counted::<1>()?);
                self.push(value)?;
            }
            0x8b => {
                let value = long(self.counted::<4>()?);
                self.push(value)?;
            }
            // text
            b'X' => {
                let text = self.counted::<4>()?.to_vec();
                self.text(text)?;
            }
            0x8c => {
                let text = self.counted::<1>()?.to_vec();
                self.text(text)?;
            }
            // Python 2's byte strings
            b'T' => {
                let text = String::from_utf8_lossy(self.counted::<4>()?).into_owned();
                self.push(Value::Text(text))?;
            }
            b'U' => {
                let text = String::from_utf8_lossy(self.counted::<1>()?).into_owned();
                self.push(Value::Text(text))?;
            }
            // containers
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b']' => self.push(Value::List(Vec::new()))?,
            b')' => self.push(Value::Tuple(Vec::new()))?,
            b't' => {
                let items = self.pop_marked()?;
                self.push(Value::Tuple(items))?;
            }
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_marked()?;
                self.set_items(&items)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.pop_marked()?;
                self.append(&items)?;
            }
            // ADDITEMS of a set that is read over
            0x90 => {
                self.pop_marked()?;
            }
            // the memo
            b'q' => {
                let [slot] = self.array()?;
                self.remember(u32::from(slot))?;
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.array()?);
                self.remember(slot)?;
            }
            0x94 => {
                let slot = u32::try_from(self.memo.len()).map_err(|_| ended())?;
                self.remember(slot)?;
            }
            b'h' => {
                let [slot] = self.array()?;
                self.recall(u32::from(slot))?;
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.array()?);
                self.recall(slot)?;
            }
            // names
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Name(format!("{module}.{name}")))?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let name = self.heap.name(module, name);
                self.push(name)?;
            }
            // BINPERSID: a storage
            b'Q' => {
                let id = self.pop()?;
                let storage = self.heap.storage(id);
                self.push(storage)?;
            }
            // REDUCE, NEWOBJ: a call, recognised or read over
            b'R' | 0x81 => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                let made = self.heap.recognise(callee, arguments);
                self.push(made)?;
            }
            // BUILD: attributes that a state dict does not need
            b'b' => {
                self.pop()?;
            }
            other => return Err(format!("0x{other:02x} is not what torch.save writes")),
        }
        Ok(None)
    }
}

/// A whole number of up to eight bytes, least first, with a sign.
fn long(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return Value::Other;
    }
    let fill = if bytes.last().is_some_and(|b| b & 0x80 != 0) {
        0xff
    } else {
        0
    };
    let mut wide = [fill; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_dictionary_that_holds_itself_is_read_and_dropped() {
        // }q\0 X"a" h\0 s .
        let heap = read(b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.").expect("it is well formed");
        let (key, value) = heap.entries(heap.root).next().expect("one entry");
        assert_eq!((key, value), ("a", heap.root));
    }

    #[test]
    fn a_million_tuples_within_each_other_cost_their_bytes() {
        let mut bytes = b"\x80\x02)".to_vec();
        bytes.extend(std::iter::repeat_n(0x85, 1_000_000));
        bytes.push(b'.');
        assert!(read(&bytes).is_ok());
    }

    #[test]
    fn a_call_is_read_over_and_never_made() {
        // cos\nsystem\n (X"true" tR .
        let heap = read(b"\x80\x02cos\nsystem\n(X\x04\x00\x00\x00truetR.").expect("well formed");
        assert!(matches!(heap.get(heap.root), Value::Other));
    }

    #[test]
    fn whole_numbers_keep_their_sign() {
        assert!(matches!(long(&[0xff]), Value::Int(-1)));
        assert!(matches!(long(&[0xff, 0x00]), Value::Int(255)));
        assert!(matches!(long(&[]), Value::Int(0)));
        assert!(matches!(long(&[0; 9]), Value::Other));
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_run_of_operations_breaks_it(
            codes in prop::collection::vec(
                prop::sample::select(&b"\x80.(012N}])t\x85\x86\x87suaeqrhjcQRb\x81\x93\x94K\x01X\x04\0\0\0"[..]),
                0..200,
            )
        ) {
            let _ = read(&codes);
        }
    }
}
