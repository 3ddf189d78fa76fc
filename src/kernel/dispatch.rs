//! Runs a loop with the widest vector instructions of this processor: the only file with `unsafe`.
//!
//! The loops are plain Rust, compiled several times: everything under [`Work::run`] is inlined into one function an
//! instruction set, and the compiler vectorises it there. No operation is fused or reordered, so all give the same
//! bits. What it buys: 2.5 to 4 times over the baseline x86-64 build (see benches/RESULTS.md).
#![allow(unsafe_code)]

/// A loop to be compiled for each instruction set; `run` and all it calls must be `#[inline(always)]`.
pub(super) trait Work {
    /// What the loop returns.
    type Output;

    /// Runs the loop.
    fn run(self) -> Self::Output;
}

/// Runs `work` with the best instruction set that this processor has.
#[inline]
pub(super) fn run<T: Work>(work: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx512bw")
        {
            // SAFETY: the four features that the function enables were just detected on this processor.
            return unsafe { run_avx512(work) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature that the function enables was just detected on this processor.
            return unsafe { run_avx2(work) };
        }
    }
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
fn run_avx512<T: Work>(work: T) -> T::Output {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<T: Work>(work: T) -> T::Output {
    work.run()
}
