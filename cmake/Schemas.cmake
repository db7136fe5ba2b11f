# discreet_schemas(<target>): writes docs/schemas/*.json into the library, so that any document can be
# checked at run time, wherever the program was installed.
function(discreet_schemas target)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/schemas/*.json)
  list(SORT files)
  set(output ${CMAKE_BINARY_DIR}/generated/embedded_schemas.cpp)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${files}" -DOUTPUT=${output} -P ${CMAKE_SOURCE_DIR}/cmake/EmbedSchemas.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/EmbedSchemas.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
  set_source_files_properties(${output} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
