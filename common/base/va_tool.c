#include "base/va_tool.h"

#include "base/va_progress.h"
#include "base/va_tempfile.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

void va_tool_init(const char *name)
{
    va_error_set_tool(name);
    va_tempfile_catch_signals();
}

int va_tool_finish(int status)
{
    va_progress_end();
    va_tempfile_remove_all();
    errno = 0;
    if ((fflush(stdout) || ferror(stdout) || fclose(stdout)) && status == VA_EXIT_OK) {
        va_error_machine("standard output: cannot write: %s",
                         errno ? strerror(errno) : "an earlier write failed");
        status = VA_EXIT_MACHINE;
    }
    return status;
}
