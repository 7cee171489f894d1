/*
 * va_cpu.h - which instruction sets this processor has, and which of them work.
 *
 * Hot files are compiled once per level and chosen at run time. The environment variable
 * VA_ISA (plain, avx2, avx512) lowers the level, for tests and for comparing machines; AVX2 and
 * AVX-512 give the same bytes, the plain level, which has no fused multiplications, does not.
 *
 * Some virtual machines announce AMX and then trap its first instruction. So AMX is believed
 * only after a child process has executed a tile product and survived.
 */
#ifndef VA_CPU_H
#define VA_CPU_H

#include <stdbool.h>

enum va_isa { VA_ISA_PLAIN, VA_ISA_AVX2, VA_ISA_AVX512 };
extern const char *const va_isa_names[]; /* in enum order, NULL last */

enum va_isa va_cpu_isa(void); /* the level to use */

/* Use at most this level, from the first device on that is opened later: ranks on unlike machines. */
void va_cpu_limit(enum va_isa most);

/*
 * Instructions for products of 8 bits at this level (AVX512_VNNI, AVX-VNNI) are here. Whole numbers: results
 * are the same without. VA_VNNI=no in the environment does without them, for tests and for comparing.
 */
extern const char *const va_vnni_names[]; /* no, yes */

bool va_cpu_vnni(enum va_isa isa);

/*
 * How convolutions over time are computed: the quicker way for their size, or always the same where it
 * is possible, by the environment variable VA_CONV (auto, direct, spectral), for tests and for
 * comparing; results differ by their rounding.
 */
enum va_conv_method { VA_CONV_AUTO, VA_CONV_DIRECT, VA_CONV_SPECTRAL };
extern const char *const va_conv_names[]; /* in enum order, NULL last */

enum va_conv_method va_cpu_conv_method(void);

/* What --precision auto takes without measuring, by the environment variable VA_PRECISION: "f32" or "bf16",
 * for tests and for choosing once; NULL: it measures. */
extern const char *const va_wished_precision_names[];

const char *va_cpu_wished_precision(void);

/* The variable of the above whose value is none of the names, and what is `expected`; else NULL. Tools
 * refuse it. */
const char *va_cpu_bad_wish(const char **expected);

/*
 * AMX: it survived the probe, the process may use it, and the level is AVX-512. VA_AMX=no in the environment does
 * without, for tests and for comparing; results in bfloat16 and int8 are the same (in float32: VA_PARTS).
 */
extern const char *const va_amx_names[]; /* no, yes */

bool va_cpu_amx(void);

/*
 * Products of bfloat16 by AVX512_BF16: where that is there and faster than float32, on processors of AMD (those of
 * Intel run it at half the rate). VA_BF16 in the environment: no does without; yes uses it wherever it is there. AMX
 * comes before it.
 */
extern const char *const va_bf16_names[]; /* no, yes */

bool va_cpu_bf16_dots(void);

/*
 * Large products of float32 in three parts each, of bfloat16 (cpu/va_narrow.h): where AMX is, that is quicker, with
 * errors no larger. VA_PARTS in the environment: no does without; yes takes them on every
 * processor, slowly, for tests. Results differ in rounding.
 */
extern const char *const va_parts_names[]; /* no, yes */

bool va_cpu_in_parts(void);

/* The environment changed: tests say so. */
void va_cpu_ask_again(void);

const char *va_cpu_describe(void); /* one line for --version -v: what will be used */

#endif
