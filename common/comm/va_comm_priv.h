/*
 * va_comm_priv.h - what launchers leave in the environment, and how ranks begin that reach each other.
 */
#ifndef VA_COMM_PRIV_H
#define VA_COMM_PRIV_H

struct va_launch {
    const char *by; /* the variable that tells, or NULL: not started by a launcher */
    int size;       /* processes it started; 0: it does not say */
    int rank;       /* of this one; -1: it does not say */
};

struct va_launch va_launch_find(void);

/* Begin as one of several ranks; `agree` is va_comm_agree. 0, or -1 after reporting. */
int va_comm_start(const struct va_launch *launch, int (*agree)(int result));

#endif
