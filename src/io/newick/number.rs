//! Decimal numbers: one pass over the digits, exact.

/// Powers of ten that a 64-bit float holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Largest number of digits whose value fits 64 bits whatever they are.
const MANTISSA_DIGITS: usize = 19;

/// Reads the decimal number at the start of `text`: its value, correctly rounded, and how many bytes it takes.
///
/// A number is `[+-] digits [. digits] [e [+-] digits]`, where the digits on one side of the point may be absent;
/// a magnitude beyond the largest float is infinite. `None` if the text does not begin with one.
pub(super) fn leading_number(text: &str) -> Option<(f64, usize)> {
    let bytes = text.as_bytes();
    let negative = bytes.first() == Some(&b'-');
    let start = usize::from(negative || bytes.first() == Some(&b'+'));
    let mut mantissa = 0_u64;
    let mut at = add_each_digit(bytes, start, &mut mantissa);
    let mut n_digits = at - start;
    let mut exponent = 0_i64;
    if bytes.get(at) == Some(&b'.') {
        let end = add_digits(bytes, at + 1, &mut mantissa);
        let n_decimals = end - at - 1;
        if n_digits + n_decimals == 0 {
            return None;
        }
        n_digits += n_decimals;
        exponent = -(n_decimals as i64);
        at = end;
    }
    if n_digits == 0 {
        return None;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let minus = bytes.get(at + 1) == Some(&b'-');
        let first = at + 1 + usize::from(minus || bytes.get(at + 1) == Some(&b'+'));
        let mut power = 0_i64;
        let mut end = first;
        while let Some(digit) = bytes.get(end).filter(|byte| byte.is_ascii_digit()) {
            power = power.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
            end += 1;
        }
        if end == first {
            return None;
        }
        exponent = exponent.saturating_add(if minus { -power } else { power });
        at = end;
    }
    // Both operands exact, so one rounding: Clinger 1990, doi:10.1145/93542.93557, the fast case.
    let exact = n_digits <= MANTISSA_DIGITS && mantissa <= 1 << f64::MANTISSA_DIGITS;
    let value = match EXACT_POWERS.get(exponent.unsigned_abs() as usize) {
        Some(power) if exact && exponent < 0 => mantissa as f64 / power,
        Some(power) if exact => mantissa as f64 * power,
        _ => text[start..at].parse().ok()?,
    };
    Some((if negative { -value } else { value }, at))
}

/// Appends the digits from `start` on to `value`, which wraps beyond 64 bits, and returns where they end.
///
/// Sixteen characters are taken at a time and without a branch on how many digits they hold, which varies from
/// number to number and cannot be predicted.
#[inline]
fn add_digits(bytes: &[u8], start: usize, value: &mut u64) -> usize {
    const POWERS: [u64; 9] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
    let mut at = start;
    while let Some((first, rest)) = bytes[at..].split_first_chunk::<8>() {
        let Some(second) = rest.first_chunk::<8>() else { break };
        let (upper, n_upper) = leading_digits(u64::from_le_bytes(*first));
        let follows = if n_upper == 8 { u64::MAX } else { 0 };
        let (lower, n_lower) = leading_digits(u64::from_le_bytes(*second) & follows);
        let chunk = upper * POWERS[n_lower] + lower;
        *value = value
            .wrapping_mul(POWERS[n_upper] * POWERS[n_lower])
            .wrapping_add(chunk);
        at += n_upper + n_lower;
        if n_lower < 8 {
            return at;
        }
    }
    add_each_digit(bytes, at, value)
}

#[inline]
fn add_each_digit(bytes: &[u8], start: usize, value: &mut u64) -> usize {
    let mut at = start;
    while let Some(digit) = bytes
        .get(at)
        .map(|byte| byte.wrapping_sub(b'0'))
        .filter(|&digit| digit < 10)
    {
        *value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    at
}

/// Returns the value of the digits that eight characters begin with, first character lowest, and how many they are.
#[inline]
fn leading_digits(characters: u64) -> (u64, usize) {
    // A digit becomes its value, 0 to 9; what exceeds 9 sets the top bit of its byte. A carry spoils only bytes
    // above the first that is no digit.
    let values = characters ^ 0x3030_3030_3030_3030;
    let no_digits = (values | values.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080;
    let n_digits = no_digits.trailing_zeros() / 8;
    // Leading zeros fill up to eight digits; neighbours are then added in pairs, fours and eights.
    let digits = values.unbounded_shl(64 - 8 * n_digits);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let upper = (pairs & 0xff_0000_00ff).wrapping_mul(0xf_4240_0000_0064);
    let lower = ((pairs >> 16) & 0xff_0000_00ff).wrapping_mul(0x2710_0000_0001);
    (upper.wrapping_add(lower) >> 32, n_digits as usize)
}

#[cfg(test)]
mod tests {
    use super::leading_number;
    use proptest::prelude::*;

    #[test]
    fn every_allowed_form_is_read() {
        for (text, value, taken) in [
            ("0", 0.0, 1),
            ("+2e+1,", 20.0, 5),
            ("-0.001)", -0.001, 6),
            ("1.", 1.0, 2),
            (".5:", 0.5, 2),
            ("1E-3", 0.001, 4),
            ("0.49344850679999996", 0.493_448_506_799_999_96, 19),
            (
                "123456789012345678901234567890",
                123_456_789_012_345_678_901_234_567_890.0,
                30,
            ),
            ("1e-400", 0.0, 6),
            ("1e400", f64::INFINITY, 5),
            ("1e99999999999999999999", f64::INFINITY, 22),
            ("0e99999999999999999999", 0.0, 22),
            ("1_000", 1.0, 1),
            ("0x10", 0.0, 1),
        ] {
            assert_eq!(leading_number(text), Some((value, taken)), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        for text in [
            "", ".", "+", "-", "e5", "1e", "1e+", "nan", "inf", "-.e1", " 1", "\u{661}",
        ] {
            assert_eq!(leading_number(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn values_are_those_of_the_standard_library(text in "[0-9]{0,22}\\.?[0-9]{1,22}(e[+-]?[0-9]{1,3})?") {
            let expected: f64 = text.parse().unwrap();
            prop_assert_eq!(leading_number(&text), Some((expected, text.len())));
        }

        #[test]
        fn shortest_form_of_every_float_is_read_back(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let text = format!("{value:e}");
            prop_assert_eq!(leading_number(&text), Some((value, text.len())));
        }
    }
}
