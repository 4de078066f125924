//! Whether this processor can run the engine as it was compiled.

/// The instructions that are missing, in words; `None` when all are there.
///
/// llama.cpp is compiled with AVX2, FMA, F16C and BMI2 on `x86_64` and would die of an illegal instruction without them.
pub(super) fn missing_instructions() -> Option<String> {
    #[cfg(target_arch = "x86_64")]
    {
        let needed = [
            ("SSE4.2", std::arch::is_x86_feature_detected!("sse4.2")),
            ("AVX", std::arch::is_x86_feature_detected!("avx")),
            ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
            ("FMA", std::arch::is_x86_feature_detected!("fma")),
            ("F16C", std::arch::is_x86_feature_detected!("f16c")),
            ("BMI2", std::arch::is_x86_feature_detected!("bmi2")),
        ];
        let missing: Vec<&str> = needed.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
        if !missing.is_empty() {
            return Some(missing.join(", "));
        }
    }
    None
}
