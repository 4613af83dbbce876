//! The network while it learns: a batch forth through backbone and heads, and slopes back, by kernels of our own.
//!
//! | file | |
//! |---|---|
//! | `store.rs` | every value of the network, flat: names, shapes, first values |
//! | `grow.rs` | a larger network out of a smaller one |
//! | `plane.rs` | values of a batch, and buffers that go round |
//! | `unit.rs` | a convolution with its batch norm |
//! | `shape.rs` | the backbone's blocks, what each reads and how wide it is |
//! | `backbone.rs` | the bottleneck ResNet, forth and back |
//! | `gpu` | the same on an NVIDIA GPU |
//! | `heads.rs` | the two heads, in candle's operations, which differentiate themselves |
//! | `gru.rs` | the recurrent heads, likewise |
//! | `points.rs` | the landmark network |
//! | `adam.rs` | the step, and the moving average |
//!
//! Numbers do not depend on how many threads share the work.

mod adam;
mod backbone;
mod gpu;
mod grow;
mod gru;
mod heads;
mod plane;
mod points;
mod shape;
mod store;
mod unit;

pub use adam::{Adam, AdamConfig};
pub use backbone::Backbone;
pub use gpu::{Gpu, GpuBackbone, GpuBackboneError, GpuError, Products};
pub use gru::{Temporal, TemporalPass};
pub use heads::{Heads, HeadsPass};
pub use points::{Points, PointsPass};
pub use store::{Entry, Store, StoreError};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
