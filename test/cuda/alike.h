/*
 * alike.h - whether two functions are called in the same way: as many arguments, each of the same size.
 */
#ifndef TEST_CUDA_ALIKE_H
#define TEST_CUDA_ALIKE_H

#ifdef __cplusplus
template <class A, class B>
constexpr bool same_size = sizeof(A) == sizeof(B);

template <class R, class... A, class S, class... B>
constexpr bool alike(R (*)(A...), S (*)(B...))
{
    return same_size<R, S> && (same_size<A, B> && ...);
}
#endif

#endif
