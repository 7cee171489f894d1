/*
 * va_libm.h - log, exp, sine and cosine in double, with the same bits on every machine.
 *
 * The C library picks another implementation where the processor has fused multiplications, and
 * its last digit differs. These use +, -, * and / alone, which IEEE 754 fixes (the build turns
 * contraction off), so random numbers are the same everywhere. Errors are below 2 units
 * in the last place; test/unit/test_libm.c measures them.
 */
#ifndef VA_LIBM_H
#define VA_LIBM_H

double va_log(double x);   /* x > 0, normal */
double va_exp(double x);   /* |x| <= 700 */
double va_expm1(double x); /* e^x - 1, |x| <= 700 */
double va_sin(double x);   /* |x| <= 1e6: absolute error 2e-16 */
double va_cos(double x);

#endif
