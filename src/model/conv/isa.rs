//! Which instructions the kernels use: the best that the machine has, unless told otherwise.

use std::sync::OnceLock;

/// A set of vector instructions that there are kernels for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstructionSet {
    /// AVX-512 (F, VL, BW, DQ), with VNNI where 8-bit products are wanted.
    Avx512,
    /// AVX2 and FMA.
    Avx2,
    /// Arm's Advanced SIMD.
    Neon,
    /// Plain Rust, on any machine.
    Portable,
}

/// The environment variable that forces an instruction set: `avx512`, `avx2`, `neon` or `portable`.
pub const FORCE: &str = "AFFECTSCOPE_ISA";

impl InstructionSet {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Portable];

    /// As said in [`FORCE`] and shown to users: `AVX-512`, `AVX2`, `NEON`, `portable`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Avx512 => "AVX-512",
            Self::Avx2 => "AVX2",
            Self::Neon => "NEON",
            Self::Portable => "portable",
        }
    }

    /// Whether this machine has it.
    pub fn is_here(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            Self::Portable => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// Those that this machine has, the best first.
    pub fn here() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|set| set.is_here())
    }

    /// The one in use: the best that is here, or the one that [`FORCE`] names when it is here. Settled at the first call.
    pub fn chosen() -> Self {
        static CHOSEN: OnceLock<InstructionSet> = OnceLock::new();
        *CHOSEN.get_or_init(|| {
            let best = Self::here().next().unwrap_or(Self::Portable);
            let asked = std::env::var(FORCE).unwrap_or_default();
            if asked.is_empty() {
                return best;
            }
            let plain = |text: &str| text.to_ascii_lowercase().replace('-', "");
            match Self::here().find(|set| plain(set.title()) == plain(&asked)) {
                Some(set) => set,
                None => {
                    tracing::error!(
                        "{FORCE}={asked}: this machine has no such kernels; {} is used",
                        best.title()
                    );
                    best
                }
            }
        })
    }
}
