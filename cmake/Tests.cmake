# discreet_gtest(<target> SOURCES … LIBRARIES …): one binary with many cases; ctest sees one entry per
# suite, labelled by the file's tier (x_golden_test.cpp, x_property_test.cpp, x_statistical_test.cpp,
# x_fuzz_test.cpp; anything else is a unit test).
function(discreet_gtest target)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE ${arg_LIBRARIES} discreet_flags GTest::gtest_main rapidcheck)
  target_compile_options(${target} PRIVATE -O1 -g0)
  target_compile_definitions(${target} PRIVATE DISCREET_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                                               DISCREET_BINARY_DIR="${CMAKE_BINARY_DIR}")
  set(list ${CMAKE_CURRENT_BINARY_DIR}/${target}_suites.cmake)
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -DBINARY=$<TARGET_FILE:${target}> -DOUTPUT=${list} -DTARGET=${target}
            -DRESULTS=${CMAKE_BINARY_DIR}/test-results
            -P ${CMAKE_SOURCE_DIR}/cmake/ListSuites.cmake
    VERBATIM)
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${list})
endfunction()
