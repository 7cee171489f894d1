#include "base/va_mapped.h"

#include <pthread.h>
#include <stdint.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct va_mapped *volatile first; /* a new link is whole before it is seen */

void va_mapped_add(struct va_mapped *m)
{
    pthread_mutex_lock(&lock);
    m->before = NULL;
    m->next = first;
    if (first)
        first->before = m;
    first = m;
    pthread_mutex_unlock(&lock);
}

void va_mapped_drop(struct va_mapped *m)
{
    if (!m->begin)
        return;
    pthread_mutex_lock(&lock);
    if (m->next)
        m->next->before = m->before;
    if (m->before)
        m->before->next = m->next;
    else
        first = m->next;
    m->begin = NULL;
    pthread_mutex_unlock(&lock);
}

const struct va_mapped *va_mapped_find(const void *address)
{
    const struct va_mapped *m = first;

    while (m && (uintptr_t)address - (uintptr_t)m->begin >= m->size)
        m = m->next;
    return m;
}
