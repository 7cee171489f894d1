/*
 * va_page_text.h - page.css and page.js, as the Makefile finds them.
 */
#ifndef VA_PAGE_TEXT_H
#define VA_PAGE_TEXT_H

extern const char va_page_css[], va_page_js[];

#endif
