//! Memory as the kernels want it: on cache lines, and the weights on large pages.

#![allow(unsafe_code)]

/// 16 values on a cache line of their own, so that no vector straddles two.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// Values that begin on a cache line.
pub struct Aligned(Vec<Line>);

impl Aligned {
    /// At least so many zeros: a whole number of lines.
    pub fn zeros(len: usize) -> Self {
        Self(vec![Line([0.0; 16]); len.div_ceil(16)])
    }

    pub(super) fn as_ptr(&self) -> *const f32 {
        self.0.as_ptr().cast()
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.0.as_mut_ptr().cast()
    }

    /// All of them.
    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: a line is 16 values without padding.
        unsafe { std::slice::from_raw_parts(self.as_ptr(), self.0.len() * 16) }
    }

    /// All of them.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as in `as_slice`.
        unsafe { std::slice::from_raw_parts_mut(self.as_mut_ptr(), self.0.len() * 16) }
    }

    fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: a line is 64 bytes without padding.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * 64) }
    }
}

/// Weights that are only read.
pub(super) enum Packed {
    /// On large pages where the system has them: 94 MB on small ones cost a walk through the page tables every 32 steps.
    Mapped(memmap2::MmapMut),
    /// Where nothing can be mapped.
    Plain(Aligned),
}

impl Packed {
    /// A copy of these.
    pub fn new(values: &[f32]) -> Self {
        // SAFETY: any f32 is four bytes.
        Self::of_bytes(unsafe {
            std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values))
        })
    }

    /// A copy of these bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let Ok(mut map) = memmap2::MmapMut::map_anon(bytes.len().max(1)) else {
            let mut plain = Aligned::zeros(bytes.len().div_ceil(4));
            plain.as_bytes_mut()[..bytes.len()].copy_from_slice(bytes);
            return Self::Plain(plain);
        };
        #[cfg(target_os = "linux")]
        if let Err(e) = map.advise(memmap2::Advice::HugePage) {
            tracing::debug!("no large pages for the weights: {e}");
        }
        map[..bytes.len()].copy_from_slice(bytes);
        Self::Mapped(map)
    }

    pub fn as_ptr(&self) -> *const f32 {
        match self {
            Self::Mapped(map) => map.as_ptr().cast(),
            Self::Plain(plain) => plain.as_ptr(),
        }
    }
}
